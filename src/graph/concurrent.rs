//! Waiting for several futures at once.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// A future that runs, and its output once it is there.
type Slot<F> = (Option<Pin<Box<F>>>, Option<<F as Future>::Output>);

/// Runs futures side by side in the task that waits for them; the results keep their order.
///
/// Every wake polls all that are left, which is fine for the few dozen requests of a snapshot.
pub(super) async fn join_all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<Slot<F>> = futures
        .into_iter()
        .map(|future| (Some(Box::pin(future)), None))
        .collect();
    poll_fn(|context| {
        let mut pending = false;
        for (future, output) in &mut running {
            let Some(running) = future else { continue };
            match running.as_mut().poll(context) {
                Poll::Ready(value) => {
                    *output = Some(value);
                    *future = None;
                }
                Poll::Pending => pending = true,
            }
        }
        if pending {
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}
