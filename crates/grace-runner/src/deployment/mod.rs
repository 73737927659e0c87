//! Where a replication runs: host, GPUs, versions, as `deployment_info` records it.

mod gpus;

pub(crate) use gpus::Gpus;

use grace_client::{Probe, ServerKind};
use grace_core::metadata::Ordered;
use serde_json::{Map, Value, json};

use crate::attempt::Host;

/// What is known so far.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub(crate) host: Host,
    pub(crate) grace_version: String,
    pub(crate) gpus: Gpus,
    pub(crate) server: Option<Server>,
    /// How often the server was started again; `None` if somebody else started it.
    pub(crate) restarts: Option<u32>,
}

/// What a server says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Its software.
    pub(crate) kind: ServerKind,
    version: Option<String>,
}

impl Server {
    pub(crate) fn of(probe: &Probe) -> Self {
        Self {
            kind: probe.server_kind,
            version: probe.server_version.clone(),
        }
    }

    fn name(&self) -> &'static str {
        match self.kind {
            ServerKind::Vllm => "vllm",
            ServerKind::LlamaCpp => "llama.cpp",
            _ => "other",
        }
    }

    /// Kind and version, as attempts record them.
    pub(crate) fn text(&self) -> String {
        let version = self.version.as_deref().unwrap_or("of unknown version");
        format!("{} {version}", self.name())
    }
}

impl Deployment {
    /// What is known before a server is asked.
    pub(crate) fn begin(host: &Host, grace_version: &str) -> Self {
        Self {
            host: host.clone(),
            grace_version: grace_version.to_owned(),
            gpus: Gpus::unknown("not asked yet"),
            server: None,
            restarts: None,
        }
    }

    /// `deployment_info`: what is not known is null, and its reason stands under `unknown`.
    pub(crate) fn record(&self) -> Ordered<Value> {
        let mut record = Record::default();
        let absent = "not in the environment";
        record.set("pod_name", self.host.pod.as_deref().ok_or(absent));
        record.set("node_name", self.host.node.as_deref().ok_or(absent));
        record.set("vllm_version", self.vllm_version());
        record.set("cuda_version", self.gpus.cuda.as_ref());
        record.set("driver_version", self.gpus.driver.as_ref());
        record.set("gpu_count", self.gpus.count.as_ref());
        record.set("gpu_type", self.gpus.kind.as_ref());
        record.set("grace_version", Ok::<_, &str>(&self.grace_version));
        let server = self.server.as_ref().ok_or("not asked yet");
        let server =
            server.map(|server| json!({ "kind": server.name(), "version": server.version }));
        record.set("server", server);
        record.set(
            "server_restarts",
            self.restarts.ok_or("the server was not started by grace"),
        );
        record.finish()
    }

    fn vllm_version(&self) -> Result<&str, String> {
        let server = self.server.as_ref().ok_or("not asked yet")?;
        if server.kind != ServerKind::Vllm {
            return Err(format!("the server is no vLLM but `{}`", server.name()));
        }
        let version = server.version.as_deref();
        version.ok_or_else(|| String::from("the server does not tell"))
    }
}

#[derive(Default)]
struct Record {
    values: Ordered<Value>,
    unknown: Map<String, Value>,
}

impl Record {
    fn set(&mut self, key: &str, value: Result<impl serde::Serialize, impl AsRef<str>>) {
        match value {
            Ok(value) => self.values.set(key, json!(value)),
            Err(reason) => {
                self.values.set(key, Value::Null);
                self.unknown.insert(key.to_owned(), json!(reason.as_ref()));
            }
        }
    }

    fn finish(mut self) -> Ordered<Value> {
        self.values.set("unknown", Value::Object(self.unknown));
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_null_with_a_reason() {
        let host = Host {
            uid: String::from("u"),
            node: Some(String::from("node-7")),
            pod: None,
        };
        let mut deployment = Deployment::begin(&host, "0.1.0");
        deployment.server = Some(Server {
            kind: ServerKind::LlamaCpp,
            version: None,
        });
        deployment.gpus.count = Ok(4);
        deployment.restarts = Some(2);
        let record = deployment.record();
        let keys: Vec<&str> = record.iter().map(|(key, _)| key).collect();
        let expected = [
            "pod_name",
            "node_name",
            "vllm_version",
            "cuda_version",
            "driver_version",
            "gpu_count",
            "gpu_type",
            "grace_version",
            "server",
            "server_restarts",
            "unknown",
        ];
        assert_eq!(keys, expected);
        let unknown = json!({
            "pod_name": "not in the environment",
            "vllm_version": "the server is no vLLM but `llama.cpp`",
            "cuda_version": "not asked yet",
            "driver_version": "not asked yet",
            "gpu_type": "not asked yet",
        });
        assert_eq!(record.value("unknown"), Some(&unknown));
        assert_eq!(record.value("vllm_version"), Some(&Value::Null));
        assert_eq!(record.value("gpu_count"), Some(&json!(4)));
    }
}
