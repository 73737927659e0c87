//! What pods run: their arguments, their configuration, and the program that installs itself into them.

use std::fs;

use clap::Parser;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;

use crate::command::grace;
use crate::manifests::{contents, testdata};
use crate::server::Server;

#[test]
fn the_arguments_of_pods_are_arguments_of_this_program() {
    let mut parsed = 0;
    for path in contents(&testdata("golden/k8s"))
        .into_iter()
        .filter(|(path, _)| path.contains("jobs/grace-"))
    {
        let job: Job = grace_k8s_gen::parse(&path.1).unwrap();
        let pod = job.spec.unwrap().template.spec.unwrap();
        for container in pod
            .init_containers
            .into_iter()
            .flatten()
            .chain(pod.containers)
        {
            let program = container.command.unwrap();
            assert!(
                program[0].ends_with("/grace-cli") && program.len() == 1,
                "{program:?}"
            );
            let args = program.into_iter().chain(container.args.unwrap());
            grace_cli::Args::try_parse_from(args)
                .unwrap_or_else(|error| panic!("{}: {error}", path.0));
            parsed += 1;
        }
    }
    assert!(parsed >= 18, "{parsed}");
}

/// The pod's own arguments, on the folder that its volume makes of the `ConfigMap`, against a simulated server.
#[test]
fn a_pod_can_run_what_its_config_map_holds() {
    let golden = contents(&testdata("golden/k8s/options"));
    let (_, map) = golden
        .iter()
        .find(|(path, _)| path.starts_with("base/study-"))
        .unwrap();
    let map: ConfigMap = grace_k8s_gen::parse(map).unwrap();
    let job: Job = grace_k8s_gen::parse(&golden["jobs/grace-tiny-v1-a-replicated.yaml"]).unwrap();
    let pod = job.spec.unwrap().template.spec.unwrap();
    let volume = pod
        .volumes
        .unwrap()
        .into_iter()
        .find(|volume| volume.name == "config")
        .unwrap();
    let source = volume
        .projected
        .unwrap()
        .sources
        .unwrap()
        .remove(0)
        .config_map
        .unwrap();
    assert_eq!(Some(source.name), map.metadata.name);

    let folder = tempfile::tempdir().unwrap();
    for item in source.items.unwrap() {
        let path = folder.path().join("config").join(item.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &map.data.as_ref().unwrap()[&item.key]).unwrap();
    }
    let args = pod.containers.into_iter().next().unwrap().args.unwrap();
    let inside = |arg: String| match arg.strip_prefix('/') {
        Some(path) => folder.path().join(path).to_str().unwrap().to_owned(),
        None => arg,
    };
    let server = Server::plain();
    grace(args.into_iter().map(inside))
        .args(["--base-url", &server.url()])
        .env("JOB_COMPLETION_INDEX", "2")
        .run()
        .exits(0);
    let replication = folder.path().join("results/tiny.v1_a/replication-2");
    let seeds = crate::folder::metadata(&replication)["seeds"].clone();
    let annotations = job.metadata.annotations.unwrap();
    assert_eq!(
        annotations["grace/experiment-seeds"],
        "study1_exp1=5000-5002 mine=505000-505002"
    );
    assert_eq!(
        (
            seeds["study1_exp1_seed"].as_u64(),
            seeds["mine_seed"].as_u64()
        ),
        (Some(5002), Some(505_002))
    );
}

#[test]
fn the_program_installs_itself_whole() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("bin/grace-cli");
    grace(["install-self"])
        .args([folder.path().join("bin")])
        .run()
        .exits(0)
        .says(&["bin/grace-cli"]);
    assert_eq!(
        fs::metadata(&target).unwrap().permissions().mode() & 0o777,
        0o755
    );
    assert_eq!(
        fs::read(&target).unwrap(),
        fs::read(env!("CARGO_BIN_EXE_grace-cli")).unwrap()
    );
    let names: Vec<_> = fs::read_dir(folder.path().join("bin"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["grace-cli"]);
    grace(["install-self", "/proc/nowhere"])
        .run()
        .exits(75)
        .says(&["/proc/nowhere/grace-cli cannot be made"]);
}
