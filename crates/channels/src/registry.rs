//! The map from keys to audiences. Its guards never outlive a call, so nobody locks an audience
//! while holding one.

use std::sync::Arc;

use crate::audience::Audience;
use crate::hash::HashSeed;
use crate::key::Key;

#[cfg(not(feature = "shuttle"))]
type Map = dashmap::DashMap<Key, Arc<Audience>, HashSeed>;

pub(crate) struct Registry {
    #[cfg(not(feature = "shuttle"))]
    map: Map,
    #[cfg(feature = "shuttle")]
    map: crate::sync::Mutex<std::collections::BTreeMap<Key, Arc<Audience>>>,
}

#[cfg(not(feature = "shuttle"))]
impl Registry {
    pub(crate) fn new(seed: HashSeed) -> Self {
        Self {
            map: Map::with_hasher(seed),
        }
    }

    pub(crate) fn find(&self, key: &Key) -> Option<Arc<Audience>> {
        self.map.get(key).map(|entry| Arc::clone(entry.value()))
    }

    pub(crate) fn find_or_insert(
        &self,
        key: &Key,
        create: impl FnOnce() -> Arc<Audience>,
    ) -> Arc<Audience> {
        if let Some(audience) = self.find(key) {
            return audience;
        }
        Arc::clone(self.map.entry(key.clone()).or_insert_with(create).value())
    }

    pub(crate) fn remove(&self, audience: &Arc<Audience>) {
        self.map
            .remove_if(audience.key(), |_, entry| Arc::ptr_eq(entry, audience));
    }

    pub(crate) fn select(&self, wanted: impl Fn(&Key) -> bool) -> Vec<Arc<Audience>> {
        let chosen = self.map.iter().filter(|entry| wanted(entry.key()));
        chosen.map(|entry| Arc::clone(entry.value())).collect()
    }

    pub(crate) fn channels(&self) -> usize {
        self.map
            .iter()
            .filter(|entry| entry.key().channel().is_some())
            .count()
    }
}

#[cfg(feature = "shuttle")]
impl Registry {
    pub(crate) fn new(_: HashSeed) -> Self {
        Self {
            map: crate::sync::Mutex::new(std::collections::BTreeMap::new()),
        }
    }

    pub(crate) fn find(&self, key: &Key) -> Option<Arc<Audience>> {
        self.map.lock().get(key).cloned()
    }

    pub(crate) fn find_or_insert(
        &self,
        key: &Key,
        create: impl FnOnce() -> Arc<Audience>,
    ) -> Arc<Audience> {
        Arc::clone(self.map.lock().entry(key.clone()).or_insert_with(create))
    }

    pub(crate) fn remove(&self, audience: &Arc<Audience>) {
        let mut map = self.map.lock();
        if map
            .get(audience.key())
            .is_some_and(|entry| Arc::ptr_eq(entry, audience))
        {
            map.remove(audience.key());
        }
    }

    pub(crate) fn select(&self, wanted: impl Fn(&Key) -> bool) -> Vec<Arc<Audience>> {
        let map = self.map.lock();
        map.iter()
            .filter(|(key, _)| wanted(key))
            .map(|(_, audience)| Arc::clone(audience))
            .collect()
    }

    pub(crate) fn channels(&self) -> usize {
        let map = self.map.lock();
        map.keys().filter(|key| key.channel().is_some()).count()
    }
}
