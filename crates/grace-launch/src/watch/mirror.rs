//! A copy of what the cluster has of one kind.

use std::collections::BTreeMap;

use kube::Resource;
use kube::runtime::watcher::Event;

/// All objects of a kind, by uid: an object that was deleted and made again is another one.
#[derive(Debug)]
pub(super) struct Mirror<K> {
    objects: BTreeMap<String, K>,
    /// A list on its way; it replaces the objects once it is complete.
    listing: Option<BTreeMap<String, K>>,
    is_ready: bool,
}

impl<K: Resource> Mirror<K> {
    pub(super) fn new() -> Self {
        Self {
            objects: BTreeMap::new(),
            listing: None,
            is_ready: false,
        }
    }

    /// Takes a change over.
    pub(super) fn apply(&mut self, event: Event<K>) {
        match event {
            Event::Init => self.listing = Some(BTreeMap::new()),
            Event::InitApply(object) => {
                if let Some(uid) = object.meta().uid.clone() {
                    self.listing.get_or_insert_default().insert(uid, object);
                }
            }
            Event::InitDone => {
                self.objects = self.listing.take().unwrap_or_default();
                self.is_ready = true;
            }
            Event::Apply(object) => {
                if let Some(uid) = object.meta().uid.clone() {
                    self.objects.insert(uid, object);
                }
            }
            Event::Delete(object) => {
                if let Some(uid) = &object.meta().uid {
                    self.objects.remove(uid);
                }
            }
        }
    }

    /// Puts an object in before its watch event comes, unless there is one that is as new.
    pub(super) fn put(&mut self, object: K) {
        if let Some(uid) = object.meta().uid.clone() {
            self.objects.entry(uid).or_insert(object);
        }
    }

    /// Whether a list has come in whole.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready
    }

    pub(super) fn get(&self, uid: &str) -> Option<&K> {
        self.objects.get(uid)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &K> {
        self.objects.values()
    }
}
