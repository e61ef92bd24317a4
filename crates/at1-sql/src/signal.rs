//! Signals, as something to wait for beside other work.
//!
//! * A thread of its own looks for them. The runtime's timers would not do: nobody turns them while all of its threads work on a query.

use std::{
    sync::{Arc, LazyLock},
    thread,
    time::Duration,
};

use at1_console::interrupt;
use tokio::sync::Notify;

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(50);

static CAME: LazyLock<Arc<Notify>> = LazyLock::new(|| {
    let notify = Arc::new(Notify::new());
    let told = Arc::clone(&notify);
    thread::spawn(move || {
        loop {
            thread::sleep(LOOK_EVERY);
            if interrupt::came() {
                told.notify_one();
            }
        }
    });
    notify
});

/// Returns once a signal came.
pub(crate) async fn came() {
    // What was told of an earlier one that was dealt with does not count.
    while !interrupt::came() {
        CAME.notified().await;
    }
}
