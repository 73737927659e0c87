//! What befalls connections, versions and requests: the handle's methods that disturb clients.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::cluster::MockCluster;
use crate::fault::Fault;
use crate::server::Order;

impl MockCluster {
    /// Forgets all versions so far: open watches, and those that go on from an older version, end with 410.
    pub fn compact(&self) {
        self.shared.edit(|state| state.store.compact());
    }

    /// Forgets all versions before the latest: watches that go on from an older one end with 410, all others do not, those that
    /// have had a bookmark of the latest among them.
    pub fn forget_the_past(&self) {
        self.shared.edit(|state| state.store.forget_the_past());
    }

    /// Adds a fault, behind those that are left.
    pub fn fault(&self, fault: Fault) {
        self.shared.edit(|state| state.faults.push(fault));
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.shared.edit(|state| state.faults.clear());
    }

    /// The next exec without a fault is cut after so many bytes of stdout; called twice, the next two are.
    pub fn exec_fault(&self, after: usize) {
        self.shared.edit(|state| state.exec_cuts.push_back(after));
    }

    /// Closes all open connections, and goes on accepting new ones.
    pub fn cut_connections(&self) {
        self.shared.cut();
    }

    /// Closes all connections and refuses new ones.
    ///
    /// # Panics
    ///
    /// Never while the cluster lives.
    pub async fn down(&self) {
        self.order(Order::Down).await;
    }

    /// Accepts connections again, on the same port.
    ///
    /// # Panics
    ///
    /// Never while the cluster lives.
    pub async fn up(&self) {
        self.order(Order::Up).await;
    }

    /// [`down`](Self::down) for a while, then [`up`](Self::up). Objects stay.
    ///
    /// # Panics
    ///
    /// Without a Tokio runtime with time.
    pub async fn restart(&self, down: Duration) {
        self.down().await;
        tokio::time::sleep(down).await;
        self.up().await;
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> Order) {
        let (sender, done) = oneshot::channel();
        self.orders
            .send(order(sender))
            .expect("the accept loop lives as long as the cluster");
        done.await.expect("the accept loop answers each order");
    }
}
