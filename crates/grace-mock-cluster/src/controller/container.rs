//! A container as its kubelet would start it, and the local process that stands for it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc as blocking};
use std::thread;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use crate::resource::Resource;
use crate::store::{Store, text};

/// The first container of a pod: what it is to run, with its environment and the `ConfigMaps` it mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Container {
    /// The name of its pod.
    pub pod: String,
    /// `command`, then `args`.
    pub argv: Vec<String>,
    /// The environment; what refers to secrets or fields that are not there is left out.
    pub env: BTreeMap<String, String>,
    /// The files of `ConfigMaps` by their path in the container.
    pub files: BTreeMap<String, String>,
}

impl Container {
    pub(super) fn of(pod: &Value, store: &Store) -> Self {
        let container = &pod["spec"]["containers"][0];
        let words = ["command", "args"].into_iter().flat_map(|list| {
            let words = container[list].as_array().into_iter().flatten();
            words.filter_map(|word| word.as_str().map(str::to_owned))
        });
        let variables = container["env"].as_array().into_iter().flatten();
        let env = variables
            .filter_map(|one| Some((text(one, "/name"), value(one, pod, store)?)))
            .collect();
        Self {
            pod: text(pod, "/metadata/name"),
            argv: words.collect(),
            env,
            files: files(container, pod, store),
        }
    }
}

/// The value of a variable.
fn value(variable: &Value, pod: &Value, store: &Store) -> Option<String> {
    if let Some(value) = variable["value"].as_str() {
        return Some(value.to_owned());
    }
    let from = &variable["valueFrom"];
    if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
        return field(path, pod);
    }
    let secret = &from["secretKeyRef"];
    let secrets = Resource::find("secrets")?;
    let namespace = text(pod, "/metadata/namespace");
    let object = store.get(secrets, &namespace, secret["name"].as_str()?)?;
    let value = object["stringData"].get(secret["key"].as_str()?)?;
    value.as_str().map(str::to_owned)
}

/// `metadata.name`, or `metadata.labels['KEY']`.
fn field(path: &str, pod: &Value) -> Option<String> {
    let (path, key) = match path.split_once("['") {
        Some((path, key)) => (path, Some(key.trim_end_matches("']"))),
        None => (path, None),
    };
    let mut value = pod;
    for part in path.split('.').chain(key) {
        value = value.get(part)?;
    }
    value.as_str().map(str::to_owned)
}

fn files(container: &Value, pod: &Value, store: &Store) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let namespace = text(pod, "/metadata/namespace");
    for mount in container["volumeMounts"].as_array().into_iter().flatten() {
        let mut volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
        let volume = volumes.find(|volume| volume["name"] == mount["name"]);
        let projected = volume.and_then(|it| it["projected"]["sources"].as_array());
        let sources = projected.into_iter().flatten().map(|it| &it["configMap"]);
        let plain = volume.map(|it| &it["configMap"]);
        for source in sources.chain(plain) {
            let folder = text(mount, "/mountPath");
            for (path, content) in config_map(source, &namespace, store) {
                files.insert(format!("{folder}/{path}"), content);
            }
        }
    }
    files
}

/// The files of a `ConfigMap`: those of `items` under their paths, or all under their keys.
fn config_map(source: &Value, namespace: &str, store: &Store) -> Vec<(String, String)> {
    let name = source["name"].as_str();
    let kind = Resource::find("configmaps");
    let object = kind
        .zip(name)
        .and_then(|(kind, name)| store.get(kind, namespace, name));
    let Some(data) = object.and_then(|object| object["data"].as_object()) else {
        return Vec::new();
    };
    let content = |key: &str| data.get(key).and_then(Value::as_str).map(str::to_owned);
    match source["items"].as_array() {
        Some(items) => items
            .iter()
            .filter_map(|item| Some((text(item, "/path"), content(item["key"].as_str()?)?)))
            .collect(),
        None => data
            .keys()
            .filter_map(|key| Some((key.clone(), content(key)?)))
            .collect(),
    }
}

type Make = dyn Fn(&Container) -> Command + Send + Sync;

/// Makes the process that stands for a container.
#[derive(Clone)]
pub(crate) struct Program(pub(super) Arc<Make>);

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Program")
    }
}

/// What a process does, for its pod.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) what: Doing,
}

#[derive(Debug)]
pub(crate) enum Doing {
    Line(String),
    Ended(i32),
}

/// A process that runs. It is killed when this is dropped, as by a kubelet that has no patience.
#[derive(Debug, Clone)]
pub(crate) struct Process(#[expect(dead_code, reason = "it is held for its end")] Arc<Held>);

#[derive(Debug)]
struct Held(Arc<Mutex<Child>>);

impl Drop for Held {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }
}

impl Process {
    /// Starts it; its output and its end are told to `hear`.
    pub(super) fn start(
        mut command: Command,
        namespace: &str,
        pod: &str,
        hear: &UnboundedSender<Heard>,
    ) -> std::io::Result<Self> {
        command.stdin(Stdio::null());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (namespace, pod, hear) = (namespace.to_owned(), pod.to_owned(), hear.clone());
        let tell = move |what| {
            let (namespace, pod) = (namespace.clone(), pod.clone());
            // Nobody hears any more once the cluster is gone.
            let _ = hear.send(Heard {
                namespace,
                pod,
                what,
            });
        };
        // Both pipes end with the process, or with the last that inherited them.
        let (end, ended) = blocking::channel::<()>();
        if let Some(stdout) = child.stdout.take() {
            read(stdout, tell.clone(), end.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            read(stderr, tell.clone(), end);
        }
        let child = Arc::new(Mutex::new(child));
        let held = Arc::clone(&child);
        thread::spawn(move || {
            while ended.recv().is_ok() {}
            let status = held.lock().unwrap_or_else(PoisonError::into_inner).wait();
            // What a signal ended has no code; 137 is SIGKILL.
            let code = status.ok().and_then(|status| status.code()).unwrap_or(137);
            tell(Doing::Ended(code));
        });
        Ok(Self(Arc::new(Held(child))))
    }
}

fn read(
    pipe: impl Read + Send + 'static,
    tell: impl Fn(Doing) + Send + 'static,
    end: blocking::Sender<()>,
) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            tell(Doing::Line(line));
        }
        drop(end);
    });
}
