//! The API key reaches the server and nothing else.

use crate::command::Ended;
use crate::folder::contents;
use crate::server::{Server, tiny};
use crate::study::Study;

const KEY: &str = "sk-secret-5f1b0c";

#[track_caller]
fn check_silence(study: &Study, ended: &Ended) {
    let output = ended.output();
    assert!(!output.contains("sk-secret"), "{output}");
    for (path, bytes) in contents(study.folder()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("sk-secret"), "{}", path.display());
    }
}

#[test]
fn the_key_is_sent_and_never_written_or_said() {
    let study = Study::new(3);
    let server = Server::start(tiny().with_api_key(KEY));
    for log in ["off", "trace"] {
        let ended = study
            .replicate_into(&study.folder().join(log), &server.url())
            .env("OPENAI_API_KEY", KEY)
            .env("RUST_LOG", log)
            .run()
            .exits(0);
        check_silence(&study, &ended);
    }
}

#[test]
fn a_wrong_or_missing_key_is_refused_at_once_and_not_said() {
    let study = Study::new(3);
    let server = Server::start(tiny().with_api_key("another"));
    let wrong = study
        .replicate(&server)
        .env("OPENAI_API_KEY", KEY)
        .run()
        .exits(42)
        .says(&["refused", "401"]);
    check_silence(&study, &wrong);
    study.replicate(&server).run().exits(42).says(&["401"]);
    assert_eq!(server.counts().generations, 0);
}
