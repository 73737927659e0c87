//! Step 3: what the server is, what it does with seeds, which GPUs there are.

use grace_client::{Api as ProbeApi, Probe, ProbeError, ProbeRequest, SeedBehaviour};
use grace_core::model::Api;

use super::{ReplicateError, Replication};
use crate::attempt;
use crate::deployment::{Gpus, Server};
use crate::metadata;

impl Replication<'_> {
    /// Asks the server what it is; false if somebody wants to stop.
    pub(super) async fn probe(&mut self) -> Result<bool, ReplicateError> {
        let checks_scoring = self.scores() && !self.scores_separately();
        let what = if checks_scoring {
            "version, seeds, GPUs, scoring"
        } else {
            "version, seeds, GPUs"
        };
        self.monitor.step(3, &format!("probe: {what}"));
        let api = match self.job.model.api {
            Api::Chat => ProbeApi::Chat,
            _ => ProbeApi::Completions,
        };
        let samples = metadata::samples(&self.prepared, &self.job.model);
        let request = ProbeRequest::new(&self.job.model.served_name, api).with_check_seed(samples);
        let probe = tokio::select! {
            probe = self.client.probe(&request, self.stop.token()) => probe,
            exit = self.server_ended() => return Err(self.ended_early(exit)),
        };
        let probe = match probe {
            Ok(probe) => probe,
            Err(ProbeError::Cancelled { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        metadata::record_probe(&mut self.metadata, &probe);
        self.record_server(Server::of(&probe))?;
        self.deployment.gpus = self.gpus().await;
        self.check_seeds(&probe)?;
        self.save()?;
        if checks_scoring {
            return self.check_scoring().await;
        }
        if self.scores() {
            return self.audit_options().await;
        }
        Ok(true)
    }

    async fn gpus(&self) -> Gpus {
        if self.server.is_none() {
            // Even an address of this machine may be the near end of a tunnel.
            return Gpus::unknown("the server was not started by grace, so its GPUs are not known");
        }
        tokio::select! {
            gpus = Gpus::ask(&self.job.options.nvidia_smi) => gpus,
            () = self.stop.requested() => Gpus::unknown("interrupted while nvidia-smi was asked"),
        }
    }

    fn check_seeds(&self, probe: &Probe) -> Result<(), ReplicateError> {
        if metadata::honours_seeds(probe) {
            return Ok(());
        }
        let what = match probe.seed {
            SeedBehaviour::Constant => "every seed gives the same text",
            _ => "the same seed gives different texts",
        };
        if self.job.options.require_seeds {
            let url = self.client.base_url().to_owned();
            return Err(ReplicateError::Seeds { url, what });
        }
        self.monitor.note(&format!(
            "the server does not honour seeds: {what}; no trial can be replayed"
        ));
        Ok(())
    }

    /// Writes down which server is asked; says so if an earlier attempt asked another one.
    fn record_server(&mut self, server: Server) -> Result<(), ReplicateError> {
        let now = server.text();
        self.deployment.server = Some(server);
        let earlier = attempt::attempts(&self.job.layout)?;
        let mut others = earlier
            .iter()
            .filter_map(|file| file.attempt.server.as_ref());
        if let Some(other) = others.next_back().filter(|other| **other != now) {
            self.monitor.note(&format!(
                "an earlier attempt asked {other}, this one asks {now}"
            ));
        }
        Ok(self.attempt.record_server(now)?)
    }
}
