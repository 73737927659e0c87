//! The commands: parse, build, call, report.

#[cfg(feature = "analysis")]
mod aggregate;
mod audit;
#[cfg(feature = "cluster")]
mod cancel;
#[cfg(feature = "cluster")]
mod collect;
mod completions;
#[cfg(feature = "sim")]
mod demo;
#[cfg(feature = "analysis")]
mod design;
#[cfg(feature = "cluster")]
mod doctor;
#[cfg(feature = "analysis")]
mod drift;
mod experiments;
mod export;
#[cfg(feature = "cluster")]
mod gen_manifests;
mod guard;
#[cfg(feature = "analysis")]
mod icc;
mod install_self;
#[cfg(feature = "cluster")]
mod launch;
#[cfg(feature = "cluster")]
mod logs;
#[cfg(feature = "cluster")]
mod plan;
#[cfg(all(feature = "analysis", feature = "sim"))]
mod recovery;
mod replay;
mod replicate;
#[cfg(feature = "analysis")]
mod report;
mod run;
mod seeds;
#[cfg(feature = "sim")]
mod serve_sim;
#[cfg(feature = "cluster")]
mod status;
mod verify;
mod work;

use crate::args::Command;
use crate::exit::Failure;

/// Runs a command; its exit code.
pub(crate) fn run(command: Command) -> Result<u8, Failure> {
    match command {
        #[cfg(feature = "sim")]
        Command::Demo(args) => demo::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Replicate(args) => replicate::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Replay(args) => replay::run(&args),
        #[cfg(feature = "analysis")]
        Command::Aggregate(args) => aggregate::run(&args),
        #[cfg(feature = "analysis")]
        Command::Icc(args) => icc::run(&args),
        #[cfg(feature = "analysis")]
        Command::Drift(args) => drift::run(&args),
        #[cfg(feature = "analysis")]
        Command::Report(args) => report::run(&args),
        Command::Seeds(args) => seeds::run(&args),
        Command::Experiments(command) => experiments::run(command),
        #[cfg(feature = "cluster")]
        Command::GenManifests(args) => gen_manifests::run(&args),
        #[cfg(feature = "cluster")]
        Command::Plan(args) => plan::run(&args),
        #[cfg(feature = "cluster")]
        Command::Launch(args) => launch::run(&args),
        #[cfg(feature = "cluster")]
        Command::Status(args) => status::run(&args),
        #[cfg(feature = "cluster")]
        Command::Logs(args) => logs::run(&args),
        #[cfg(feature = "cluster")]
        Command::Cancel(args) => cancel::run(&args),
        #[cfg(feature = "cluster")]
        Command::Collect(args) => collect::run(&args),
        #[cfg(feature = "cluster")]
        Command::Doctor(args) => doctor::run(&args),
        Command::InstallSelf { folder } => install_self::run(&folder),
        Command::ExportResults(command) => export::run(&command),
        #[cfg(feature = "sim")]
        Command::ServeSim(args) => serve_sim::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::GuardServer(args) => guard::run(args),
        Command::BecomeServer(args) => guard::become_server(&args),
    }
}
