//! The workers that a session shares its queries with.
//!
//! * Before each statement they are asked whether they answer; one that does not is left out until it does again.
//! * A query that fails while a worker went is asked again of those that are left, unless some of its rows were given out: segments do not
//!   change, so asking again gives the same answer.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use datafusion::error::DataFusionError;
use datafusion_distributed::WorkerResolver;
use futures::future::join_all;
use tokio::{net::TcpStream, time::timeout};
use url::Url;

/// How long a worker may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// The workers, and which of them answered last.
#[derive(Clone, Debug)]
pub(crate) struct Cluster(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: Vec<Url>,
    living: RwLock<Vec<Url>>,
}

impl Cluster {
    /// Of which nobody knows yet whether they answer.
    pub(crate) fn new(all: Vec<Url>) -> Self {
        Self(Arc::new(Inner { living: RwLock::new(all.clone()), all }))
    }

    fn living(&self) -> Vec<Url> {
        self.0.living.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks all of them; gives those that answered before and do not now.
    ///
    /// # Errors
    /// If none answers.
    pub(crate) async fn ask(&self) -> Result<Vec<Url>, DataFusionError> {
        let answers = join_all(self.0.all.iter().map(answers)).await;
        let now: Vec<Url> =
            self.0.all.iter().zip(answers).filter(|(_, answers)| *answers).map(|(url, _)| url.clone()).collect();
        let gone = self.living().into_iter().filter(|url| !now.contains(url)).collect();
        if now.is_empty() {
            let all: Vec<&str> = self.0.all.iter().map(Url::as_str).collect();
            let message = format!("workers: expected one that answers of {}, found none", all.join(", "));
            return Err(DataFusionError::Execution(message));
        }
        *self.0.living.write().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(gone)
    }
}

async fn answers(url: &Url) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
    // A host in brackets is an address of six words.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    matches!(timeout(ANSWER, TcpStream::connect((host, port))).await, Ok(Ok(_)))
}

impl WorkerResolver for Cluster {
    fn get_urls(&self) -> Result<Vec<Url>, DataFusionError> {
        Ok(self.living())
    }
}

/// A worker as the command line names it: `HOST:PORT`, or a URL.
pub(crate) fn url(word: &str) -> Result<Url, String> {
    let text = if word.contains("://") { word.to_owned() } else { format!("http://{word}") };
    let wrong = || format!("expected HOST:PORT of a worker, found {word}");
    let url = Url::parse(&text).map_err(|_| wrong())?;
    if url.scheme() != "http" || url.host_str().is_none() || url.port_or_known_default().is_none() {
        return Err(wrong());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_named() {
        assert_eq!(url("127.0.0.1:7000").unwrap().as_str(), "http://127.0.0.1:7000/");
        assert_eq!(url("http://[::1]:7000").unwrap().as_str(), "http://[::1]:7000/");
        assert!(url("").is_err() && url("ftp://x:1").is_err());
    }
}
