//! Steps 1, 2 and 6: the model server, started here or elsewhere.

use std::convert::Infallible;
use std::time::Duration;

use grace_client::ProbeError;
use grace_core::server::ArgumentTemplate;
use grace_core::settings::ScoringServer;
use serde_json::json;

use super::{ReplicateError, Replication};
use crate::job::Job;
use crate::supervise::{Exit, Launch, Purpose, SuperviseError, Supervisor};

/// What became of the wish to start a server again.
pub(super) enum Restart {
    /// It is ready.
    Done,
    /// Somebody wants to stop.
    Interrupted,
    /// It was started again as often as is allowed; why it is gone.
    UsedUp(String),
}

/// The command that will be run, if the server is started here: a mistake in it is known before anything is written.
pub(super) fn launch(job: &Job) -> Result<Option<Launch>, ReplicateError> {
    let server = job.options.server.as_ref();
    let launch = server.map(|server| Launch::new(&job.model, server.port, Purpose::Generate));
    Ok(launch.transpose().map_err(SuperviseError::from)?)
}

impl Replication<'_> {
    /// Writes the command into the metadata, without secrets.
    pub(super) fn describe_server(&mut self, launch: Option<Launch>) {
        let arguments = self.job.model.start.scoring_args.iter();
        let scoring_args: Vec<&str> = arguments.map(ArgumentTemplate::as_str).collect();
        let described = launch.zip(self.server.as_ref()).map(|(launch, server)| {
            json!({
                "command": server.shown(&launch),
                "env": launch.env.keys().collect::<Vec<_>>(),
                "scoring_args": scoring_args,
                "scoring_server": self.job.options.scoring_server().as_str(),
            })
        });
        self.deployment.restarts = self.server.as_ref().map(|_| 0);
        if let Some(configuration) = self.metadata.configuration.as_object_mut() {
            configuration.insert(String::from("server"), json!(described));
        }
    }

    pub(super) fn server_text(&self) -> String {
        match &self.server {
            None => format!("model server: using the one at {}", self.client.base_url()),
            Some(server) => format!(
                "model server: starting it at {}, log in {}",
                self.client.base_url(),
                server.log().display()
            ),
        }
    }

    pub(super) fn stop_text(&self) -> &'static str {
        match &self.server {
            None => "model server: it was not started here, so it is left alone",
            Some(_) => "model server: stop it",
        }
    }

    /// Whether probabilities are measured by a server of their own.
    pub(super) fn scores_separately(&self) -> bool {
        self.job.options.scoring_server() == ScoringServer::Separate
    }

    /// Starts the server, unless somebody else does.
    pub(super) fn start_server(&mut self, purpose: Purpose) -> Result<(), ReplicateError> {
        if let Some(server) = &mut self.server {
            server.start(&self.job.model, purpose, self.clock.now())?;
            self.scoring_is_checked = false;
        }
        Ok(())
    }

    /// Waits until the server is healthy and serves the model; false if somebody wants to stop.
    pub(super) async fn wait_for_server(&mut self) -> Result<bool, ReplicateError> {
        const POLL: Duration = Duration::from_millis(200);
        let model = &self.job.model.served_name;
        let limit = match &self.server {
            Some(server) => server.managed().ready_timeout,
            None => self.job.options.server_timeout,
        };
        let ready = self.client.wait_ready(model, POLL, self.stop.token());
        let ready = tokio::select! {
            ready = tokio::time::timeout(limit, ready) => ready,
            exit = self.server_ended() => return Err(self.ended_early(exit)),
            never = self.tell_patience() => match never {},
        };
        match ready {
            Ok(Ok(_)) => {}
            Ok(Err(ProbeError::Cancelled { .. })) => return Ok(false),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => return Err(self.not_ready(limit)),
        }
        if let Some(server) = &self.server {
            server.check_listener()?;
        }
        if self.metadata.timestamps.value("server_ready").is_none() {
            self.stamp("server_ready");
        }
        Ok(true)
    }

    /// Says from time to time that the server is not ready yet; large models load for many minutes.
    async fn tell_patience(&self) -> Infallible {
        const EVERY: Duration = Duration::from_secs(30);
        let mut waited = Duration::ZERO;
        loop {
            tokio::time::sleep(EVERY).await;
            waited += EVERY;
            let seconds = waited.as_secs();
            let last_line = self.server.as_ref().and_then(Supervisor::last_line);
            let last_line =
                last_line.map_or_else(String::new, |line| format!("; it said last: {line}"));
            self.monitor.note(&format!(
                "the server is not ready after {seconds} s{last_line}"
            ));
        }
    }

    fn not_ready(&self, limit: Duration) -> ReplicateError {
        match &self.server {
            Some(server) => server.not_ready().into(),
            None => ReplicateError::NotReady {
                url: self.client.base_url().to_owned(),
                seconds: limit.as_secs(),
            },
        }
    }

    /// Waits for the end of the server that was started here; for ever if there is none.
    pub(super) async fn server_ended(&self) -> Exit {
        match &self.server {
            Some(server) => server.ended().await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn ended_early(&self, exit: Exit) -> ReplicateError {
        match &self.server {
            Some(server) => server.ended_early(exit).into(),
            None => self.not_ready(Duration::ZERO),
        }
    }

    /// Starts the server again, as often as is allowed, until it is ready. `why` says what became of it.
    pub(super) async fn restart_server(
        &mut self,
        mut why: String,
    ) -> Result<Restart, ReplicateError> {
        loop {
            let Some(server) = &mut self.server else {
                return Ok(Restart::UsedUp(why));
            };
            let (log, last_lines) = (server.log().display().to_string(), server.last_lines());
            if !server.take_restart() {
                self.monitor
                    .note(&format!("{why}; {log} ends with:{last_lines}"));
                let why = format!(
                    "{why}, and was started again {} times before",
                    server.restarts()
                );
                return Ok(Restart::UsedUp(why));
            }
            let (count, purpose) = (server.restarts(), server.purpose());
            self.monitor.note(&format!(
                "{why}; starting it again (restart {count}); {log} ends with:{last_lines}"
            ));
            server.stop().await;
            server.wait_for_port().await;
            if self.stop.token().is_cancelled() {
                return Ok(Restart::Interrupted);
            }
            self.deployment.restarts = Some(count);
            self.start_server(purpose.unwrap_or(Purpose::Generate))?;
            self.save()?;
            match self.wait_for_server().await {
                Ok(true) => return Ok(Restart::Done),
                Ok(false) => return Ok(Restart::Interrupted),
                Err(ReplicateError::Server(SuperviseError::EndedEarly { exit, .. })) => {
                    why = format!("the model server {exit} before it was ready");
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Stops the server that was started here, if it runs.
    pub(super) async fn stop_server(&mut self) {
        let Some(server) = &mut self.server else {
            return;
        };
        let purpose = server.purpose();
        server.stop().await;
        if purpose == Some(Purpose::Generate) {
            self.stamp("vllm_killed");
        }
    }
}
