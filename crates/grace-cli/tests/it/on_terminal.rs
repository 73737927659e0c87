//! What somebody at a terminal sees and is asked, and what is told where there is none.

use std::time::Duration;

use grace_mock_cluster::{NAMESPACE, Outcome, Workload};

use crate::cluster_lab::ClusterLab;
use crate::terminal::Terminal;

/// End of input, as a terminal has it.
const CTRL_D: &str = "\x04";

/// A lab whose two Jobs run and never end.
fn launched() -> ClusterLab {
    let lab = ClusterLab::new();
    lab.mock.controller(Workload::new(|_| Outcome::runs_on()));
    lab.run(lab.launch(&["--detach", "--max-gpus", "10"]))
        .exits(0);
    lab
}

/// Asks about the Job of `small`, and answers.
fn cancel(lab: &ClusterLab, more: &[&str], answer: &str) -> Vec<String> {
    let args = [&["cancel", "--model", "small"], more].concat();
    let mut terminal = Terminal::start(lab.grace(&args).into_command());
    terminal.shows("[y/N]");
    let question = terminal.lines().join(" ");
    assert!(question.contains("grace-small-replicated: "), "{question}");
    assert!(!question.contains("grace-large-replicated"), "{question}");
    terminal.types(answer);
    let (code, lines) = terminal.wait();
    assert_eq!(code, Some(0), "{lines:#?}");
    lines
}

#[test]
fn cancel_asks_and_only_a_yes_changes_anything() {
    let lab = launched();
    let before = lab.changes().len();
    for no in ["n\n", "\n", "yess\n", CTRL_D] {
        let lines = cancel(&lab, &["--delete"], no);
        let last = lines.last().unwrap();
        assert!(last.ends_with("nothing was changed"), "{no:?}: {lines:#?}");
        assert_eq!(lab.changes().len(), before);
    }
    let lines = cancel(&lab, &[], "y\n").join("\n");
    assert!(
        lines.contains("grace-small-replicated: suspended"),
        "{lines}"
    );
    assert_eq!(lab.job("small")["spec"]["suspend"], true);
    assert_eq!(lab.job("large")["spec"]["suspend"], false);
    let lines = cancel(&lab, &["--delete"], "yes\n").join("\n");
    assert!(lines.contains("grace-small-replicated: deleted"), "{lines}");
    assert_eq!(lab.jobs(), ["grace-large-replicated"]);
}

#[test]
fn an_interrupt_is_an_answer_as_well() {
    let lab = launched();
    let before = lab.changes().len();
    let command = lab.grace(&["cancel", "--delete"]).into_command();
    let terminal = Terminal::start(command);
    terminal.shows("[y/N]");
    terminal.interrupt();
    assert_eq!(terminal.wait().0, Some(130));
    assert_eq!(lab.changes().len(), before);
}

#[test]
fn without_a_terminal_nothing_is_asked_and_nothing_done() {
    let lab = launched();
    let before = lab.changes().len();
    let ended = lab.run(lab.grace(&["cancel", "--model", "small"])).exits(2);
    let said = "there is no terminal to ask on; give `--yes`";
    assert!(ended.stderr.contains(said), "{}", ended.output());
    assert_eq!(lab.changes().len(), before);
}

#[test]
fn each_model_has_one_line_that_is_drawn_anew() {
    let lab = ClusterLab::new();
    let workload = Workload::new(|attempt| match attempt.index {
        0 => Outcome::success(),
        _ => Outcome::runs_on(),
    });
    lab.mock.controller(workload);
    let command = lab.launch(&["--max-gpus", "10"]).into_command();
    let terminal = Terminal::start(command);
    let one_each = |lines: &[String], text: &str| {
        ["small", "large"].iter().all(|model| {
            let expected = format!("{model}: {text}");
            let mut found = lines.iter().filter(|line| line.starts_with(&expected));
            found.next().is_some_and(|line| line.contains(" so far")) && found.next().is_none()
        })
    };
    terminal.until("a line for each", |lines| {
        one_each(lines, "running 2/3, done 1, failed 0, ")
    });
    let elapsed = |lines: &[String]| {
        let line = lines.iter().find(|line| line.starts_with("small: running"));
        line.cloned().unwrap_or_default()
    };
    let first = elapsed(&terminal.lines());
    terminal.until("the time goes on", |lines| {
        elapsed(lines) != first && one_each(lines, "running 2/3, done 1, failed 0, ")
    });

    terminal.interrupt();
    let (code, lines) = terminal.wait();
    assert_eq!(code, Some(130), "{lines:#?}");
    let still_drawn = lines.iter().any(|line| line.contains(" so far"));
    assert!(!still_drawn, "{lines:#?}");
    let left = lines.iter().filter(|line| line.contains("left running: "));
    assert_eq!(left.count(), 2, "{lines:#?}");
}

#[test]
fn status_has_a_table_that_is_drawn_anew() {
    let lab = launched();
    let command = lab.grace(&["status", "--watch"]).into_command();
    let terminal = Terminal::start(command);
    // Two indexes run, the third waits for its turn.
    let small = |marks: &str| format!("small  replications  {marks}");
    terminal.shows(&small("RR.      running 2/3, done 0, failed 0"));
    lab.mock.controller(Workload::new(|_| Outcome::success()));
    for pod in lab.mock.list("pods", NAMESPACE) {
        let name = pod["metadata"]["name"].as_str().unwrap();
        lab.mock.evict_pod(NAMESPACE, name);
    }
    let (code, lines) = terminal.wait();
    assert_eq!(code, Some(0), "{lines:#?}");
    let table = [
        String::from("MODEL  JOB           INDEXES  STATE"),
        String::from("large  replications  DDD      complete: 3 of 3"),
        small("DDD      complete: 3 of 3"),
        String::from("indexes from 0: D done, R running, W waiting, F failed, . not begun"),
    ];
    assert_eq!(lines, table, "the last table and nothing else");
}

#[test]
fn elsewhere_a_line_each_is_written_every_30_s() {
    let lab = ClusterLab::new();
    lab.mock.controller(Workload::new(|_| Outcome::runs_on()));
    let launch = || lab.launch(&["--max-gpus", "10"]);
    let mut running = launch().start();
    assert!(running.says("large: started"));
    // At the same time on a terminal that cannot redraw lines.
    let plain = Terminal::plain(launch().into_command());
    let last = "small: running 2/3, done 0, failed 0, ";
    assert!(running.says(last));
    plain.shows(last);

    running.signal("INT");
    let ended = running.wait(Duration::from_secs(20)).exits(130);
    told_once(ended.stderr.lines());
    assert!(!ended.output().contains('\x1b'), "{}", ended.output());
    plain.interrupt();
    let (code, lines) = plain.wait();
    assert_eq!(code, Some(130), "{lines:#?}");
    told_once(lines.iter().map(String::as_str));
}

/// Each model's line is there once, after 30 s.
fn told_once<'a>(lines: impl Iterator<Item = &'a str>) {
    let told: Vec<&str> = lines.filter(|line| line.contains(" so far")).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    for (line, model) in told.iter().zip(["large", "small"]) {
        let rest = line.strip_prefix(&format!("{model}: running 2/3, done 0, failed 0, "));
        let seconds = rest.and_then(|rest| rest.strip_suffix(" s so far"));
        let seconds: u32 = seconds.unwrap_or_default().parse().unwrap();
        assert!((20..60).contains(&seconds), "{line}");
    }
}
