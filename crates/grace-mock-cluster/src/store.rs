//! Objects, their versions, and what happened to them since the last compaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::clock;
use crate::owners::Owners;
use crate::resource::Resource;

/// Where an object stands: plural, namespace, name.
pub(crate) type Key = (&'static str, String, String);

/// One change, as watches tell it.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: Key,
    /// As it was before, unless it was created.
    pub(crate) before: Option<Arc<Value>>,
    /// As it is now, or as it was last if it was deleted; with the version of the change.
    pub(crate) object: Arc<Value>,
    pub(crate) deleted: bool,
}

/// An object and who set which of its fields.
#[derive(Debug, Default)]
struct Entry {
    object: Arc<Value>,
    owners: Owners,
}

#[derive(Debug)]
pub(crate) struct Store {
    version: u64,
    /// Versions below this are forgotten.
    oldest: u64,
    compactions: u64,
    entries: BTreeMap<Key, Entry>,
    changes: Vec<Change>,
    drawn: u64,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            version: 100,
            oldest: 0,
            compactions: 0,
            entries: BTreeMap::new(),
            changes: Vec::new(),
            drawn: 0,
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn oldest(&self) -> u64 {
        self.oldest
    }

    pub(crate) fn compactions(&self) -> u64 {
        self.compactions
    }

    pub(crate) fn get(&self, resource: Resource, namespace: &str, name: &str) -> Option<&Value> {
        let entry = self.entries.get(&key(resource, namespace, name))?;
        Some(&entry.object)
    }

    /// All objects of a kind in the order of their names, in one namespace or in all.
    pub(crate) fn list<'a>(
        &'a self,
        resource: Resource,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<Value>> {
        self.entries
            .range(key(resource, namespace.unwrap_or_default(), "")..)
            .take_while(move |((plural, space, _), _)| {
                *plural == resource.plural && namespace.is_none_or(|wanted| wanted == space)
            })
            .map(|(_, entry)| &entry.object)
    }

    /// Changes after a version.
    pub(crate) fn changes_after(&self, version: u64) -> &[Change] {
        let from = self
            .changes
            .partition_point(|change| change.version <= version);
        self.changes.get(from..).unwrap_or_default()
    }

    /// Writes an object: identity, generation and version are filled in. Writing what is there already changes nothing.
    pub(crate) fn put(&mut self, resource: Resource, mut object: Value) -> Arc<Value> {
        resource.mark(&mut object);
        let name = text(&object, "/metadata/name");
        let namespace = if resource.namespaced {
            text(&object, "/metadata/namespace")
        } else {
            String::new()
        };
        let key = key(resource, &namespace, &name);
        let before = self
            .entries
            .get(&key)
            .map(|entry| Arc::clone(&entry.object));
        self.complete(&mut object, before.as_deref());
        if let Some(before) = &before
            && **before == object
        {
            return Arc::clone(before);
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let object = Arc::new(object);
        self.entries.entry(key.clone()).or_default().object = Arc::clone(&object);
        self.note(key, before, Arc::clone(&object), false);
        object
    }

    /// Identity stays, the generation counts changes of `spec`.
    fn complete(&mut self, object: &mut Value, before: Option<&Value>) {
        let metadata = &mut object["metadata"];
        let Some(before) = before else {
            if metadata["uid"].is_null() {
                metadata["uid"] = self.draw_uid().into();
            }
            if metadata["creationTimestamp"].is_null() {
                metadata["creationTimestamp"] = clock::now().into();
            }
            if metadata["generation"].is_null() && object.get("spec").is_some() {
                object["metadata"]["generation"] = 1.into();
            }
            return;
        };
        for field in ["uid", "creationTimestamp", "resourceVersion", "generation"] {
            if let Some(value) = before["metadata"].get(field) {
                metadata[field] = value.clone();
            }
        }
        if before.get("spec") != object.get("spec") {
            let generation = before["metadata"]["generation"].as_u64().unwrap_or(0);
            object["metadata"]["generation"] = json!(generation + 1);
        }
    }

    pub(crate) fn remove(
        &mut self,
        resource: Resource,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<Value>> {
        let key = key(resource, namespace, name);
        let entry = self.entries.remove(&key)?;
        self.version += 1;
        let mut last = (*entry.object).clone();
        last["metadata"]["resourceVersion"] = self.version.to_string().into();
        let last = Arc::new(last);
        self.note(key, Some(entry.object), Arc::clone(&last), true);
        Some(last)
    }

    fn note(&mut self, key: Key, before: Option<Arc<Value>>, object: Arc<Value>, deleted: bool) {
        self.changes.push(Change {
            version: self.version,
            key,
            before,
            object,
            deleted,
        });
    }

    pub(crate) fn owners(&self, resource: Resource, namespace: &str, name: &str) -> Owners {
        let entry = self.entries.get(&key(resource, namespace, name));
        entry.map(|entry| entry.owners.clone()).unwrap_or_default()
    }

    pub(crate) fn set_owners(
        &mut self,
        resource: Resource,
        namespace: &str,
        name: &str,
        owners: Owners,
    ) {
        if let Some(entry) = self.entries.get_mut(&key(resource, namespace, name)) {
            entry.owners = owners;
        }
    }

    /// Forgets what happened, as etcd does every five minutes; every version known so far is too old afterwards.
    pub(crate) fn compact(&mut self) {
        self.version += 1;
        self.oldest = self.version;
        self.compactions += 1;
        self.changes.clear();
    }

    /// Forgets what happened before the version of now, which a client that has heard of it may go on from.
    pub(crate) fn forget_the_past(&mut self) {
        self.oldest = self.version;
        self.changes.clear();
    }

    /// Five characters, as the API appends to `generateName`.
    pub(crate) fn draw_suffix(&mut self) -> String {
        const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        let mut bits = self.draw();
        let draw = |_| {
            let place = usize::try_from(bits % 27).unwrap_or(0);
            bits /= 27;
            char::from(ALPHABET[place])
        };
        (0..5).map(draw).collect()
    }

    pub(crate) fn draw_uid(&mut self) -> String {
        let (a, b) = (self.draw(), self.draw());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            (b >> 52) & 0xfff,
            b & 0xffff_ffff_ffff
        )
    }

    /// `SplitMix64` of a counter: distinct, and the same in each run.
    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        let mut bits = self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

fn key(resource: Resource, namespace: &str, name: &str) -> Key {
    (resource.plural, namespace.to_owned(), name.to_owned())
}

/// A string of an object, or an empty one.
pub(crate) fn text(object: &Value, pointer: &str) -> String {
    let value = object.pointer(pointer).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_the_same_changes_nothing() {
        let pods = Resource::find("pods").unwrap();
        let mut store = Store::new();
        let pod = json!({"metadata": {"name": "a", "namespace": "n"}, "spec": {"x": 1}});
        let first = store.put(pods, pod.clone());
        let again = store.put(pods, pod);
        assert_eq!(first, again);
        assert_eq!(store.changes_after(0).len(), 1);
        let mut changed = (*first).clone();
        changed["spec"]["x"] = json!(2);
        let changed = store.put(pods, changed);
        assert_eq!(changed["metadata"]["generation"], 2);
        assert_ne!(
            changed["metadata"]["resourceVersion"],
            first["metadata"]["resourceVersion"]
        );
        assert_eq!(changed["metadata"]["uid"], first["metadata"]["uid"]);
    }

    #[test]
    fn a_list_stays_in_its_kind_and_namespace() {
        let mut store = Store::new();
        let pods = Resource::find("pods").unwrap();
        for (resource, namespace) in [("pods", "a"), ("pods", "b"), ("secrets", "a")] {
            let object = json!({"metadata": {"name": "x", "namespace": namespace}});
            store.put(Resource::find(resource).unwrap(), object);
        }
        assert_eq!(store.list(pods, Some("a")).count(), 1);
        assert_eq!(store.list(pods, None).count(), 2);
        assert_eq!(store.list(pods, Some("c")).count(), 0);
    }
}
