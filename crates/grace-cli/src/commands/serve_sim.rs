//! `serve-sim`: simulated participants as a server.

use std::net::Ipv4Addr;
use std::time::Duration;

use grace_sim::{
    Bos, Dialect, Fault, Faults, Merging, RetryAfter, ScoringFault, SeedPolicy, SimConfig, Startup,
    Tokenizer, serve,
};
use tokio::net::TcpListener;

use crate::args::{BosArg, DialectArg, MergingArg, ScoringFaultArg, SeedPolicyArg, ServeSimArgs};
use crate::exit::{COMPLETE, Failure, TRY_AGAIN};
use crate::{output, runtime};

pub(crate) fn run(args: &ServeSimArgs) -> Result<u8, Failure> {
    runtime::block_on(async |stop| {
        let address = (Ipv4Addr::LOCALHOST, args.port);
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let what = anyhow::Error::new(error)
                .context(format!("port {} of 127.0.0.1 cannot be used", args.port));
            Failure::new(TRY_AGAIN, what).with_hint("`--port 0` takes a free one")
        })?;
        output::line(format!(
            "serving {} at http://{}/v1",
            args.model,
            listener.local_addr()?
        ))?;
        serve(
            listener,
            config(args),
            async move { stop.requested().await },
        )
        .await?;
        Ok(COMPLETE)
    })
}

fn config(args: &ServeSimArgs) -> SimConfig {
    let policy = match args.seeds {
        SeedPolicyArg::Honours => SeedPolicy::Honours,
        SeedPolicyArg::Ignores => SeedPolicy::Ignores,
        SeedPolicyArg::Constant => SeedPolicy::Constant,
    };
    let mut config = SimConfig::new(args.model.as_str())
        .with_seed_policy(policy)
        .with_batch_effect_sd(args.batch_effect_sd)
        .with_instance(args.instance)
        .with_latency(Duration::from_millis(args.latency_ms))
        .with_faults(mixed(args.faults));
    if let Some(slots) = args.slots {
        config = config.with_slots(slots.get());
    }
    if let Some(text) = &args.canned {
        config = config.with_canned(text.as_str());
    }
    if let Some(requests) = args.die_after {
        config = config.with_die_after(requests);
    }
    if args.startup_ms > 0 {
        let time = Duration::from_millis(args.startup_ms);
        config = config.with_startup(Startup::Refusing(time));
    }
    scoring(config, args)
}

/// How the server cuts texts into tokens and scores them.
fn scoring(config: SimConfig, args: &ServeSimArgs) -> SimConfig {
    let merging = match args.merging {
        MergingArg::Apart => Merging::Apart,
        MergingArg::Spaces => Merging::Spaces,
        MergingArg::Colons => Merging::Colons,
    };
    let bos = match args.bos {
        BosArg::Absent => Bos::Absent,
        BosArg::Once => Bos::Once,
        BosArg::Doubled => Bos::Doubled,
    };
    let dialect = match args.dialect {
        DialectArg::Vllm => Dialect::Vllm,
        DialectArg::LlamaCpp => Dialect::LlamaCpp,
    };
    let config = config
        .with_dialect(dialect)
        .with_tokenizer(Tokenizer::new().with_merging(merging).with_bos(bos));
    let noise = args.scoring_noise.map(ScoringFault::Noise);
    match noise.or(args.scoring_fault.map(scoring_fault)) {
        Some(fault) => config.with_scoring_fault(fault),
        None => config,
    }
}

fn scoring_fault(fault: ScoringFaultArg) -> ScoringFault {
    match fault {
        ScoringFaultArg::Absent => ScoringFault::Absent,
        ScoringFaultArg::TooFew => ScoringFault::TooFew,
        ScoringFaultArg::MissingToken => ScoringFault::MissingToken,
        ScoringFaultArg::MinusInfinity => ScoringFault::MinusInfinity,
        ScoringFaultArg::Null => ScoringFault::Null,
        ScoringFaultArg::Stale => ScoringFault::Stale,
        ScoringFaultArg::Shifted => ScoringFault::Shifted,
        ScoringFaultArg::NoTokenIds => ScoringFault::NoTokenIds,
        ScoringFaultArg::Sampled => ScoringFault::Sampled,
    }
}

/// All modes of failure that end by themselves, at the same share each.
fn mixed(share: f64) -> Faults {
    if share == 0.0 {
        return Faults::none();
    }
    let modes = [
        Fault::TooManyRequests(RetryAfter::Absent),
        Fault::TooManyRequests(RetryAfter::Seconds(1)),
        Fault::Status(500),
        Fault::Status(503),
        Fault::EngineDead,
        Fault::Reset,
        Fault::Truncated,
        Fault::NotJson,
        Fault::EmptyChoices,
    ];
    let each = share / modes.len() as f64;
    modes
        .into_iter()
        .fold(Faults::none(), |faults, mode| faults.with_rate(mode, each))
}
