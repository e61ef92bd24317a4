//! `at1 worker`: works on parts of queries that others ask.
//!
//! * A worker reads segments below the folders that plans name, which must be the same folders here: a copy, or a disk that is shared. It
//!   hashes what it reads against the digests that came with the plan, so a copy that differs is an error, never another answer.
//! * It opens no other files: no store but that of segments is known to it.
//! * It answers whoever reaches its port, without encryption; the network must be one to be trusted.

use std::{net::SocketAddr, sync::Arc};

use at1_console::{
    failure::{Exit, Failure},
    output::Voice,
};
use at1_datafusion::segments::{self, SegmentStore};
use datafusion::{
    common::plan_datafusion_err,
    error::Result,
    execution::{
        object_store::ObjectStoreRegistry,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
};
use datafusion_distributed::{DistributedExt as _, Worker, WorkerQueryContext};
use object_store::ObjectStore;
use serde_json::json;
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use url::Url;

use crate::{args, codec::RowsCodec, error::failure, signal};

pub(crate) fn run(args: &args::Worker, runtime: &Runtime, voice: Voice) -> std::result::Result<(), Failure> {
    runtime.block_on(serve(args.listen, voice))
}

async fn serve(address: SocketAddr, voice: Voice) -> std::result::Result<(), Failure> {
    let broken = |what: String| Failure::new(Exit::CouldNot, "io", what);
    let listener = TcpListener::bind(address).await.map_err(|error| broken(format!("{address}: {error}")))?;
    let address = listener.local_addr().map_err(|error| broken(format!("{address}: {error}")))?;
    let worker = Worker::from_session_builder(|context: WorkerQueryContext| async {
        Ok(context.builder.with_distributed_user_codec(RowsCodec).build())
    })
    .with_runtime_env(environment().map_err(|error| failure(&error))?)
    .with_version(env!("CARGO_PKG_VERSION"));
    voice.tell(&json!({"listening": address.to_string()}), |out| writeln!(out, "listening on {address}"))?;
    Server::builder()
        .add_service(worker.into_worker_server())
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), signal::came())
        .await
        .map_err(|error| broken(format!("{address}: {error}")))
}

/// An environment in which there are segments and no other files.
fn environment() -> Result<Arc<RuntimeEnv>> {
    let environment = RuntimeEnvBuilder::new().with_object_store_registry(Arc::new(OnlySegments)).build_arc()?;
    Ok(environment)
}

/// See the module.
#[derive(Debug)]
struct OnlySegments;

impl ObjectStoreRegistry for OnlySegments {
    fn register_store(&self, _: &Url, _: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        match segments::URL.starts_with(url.as_str().trim_end_matches('/')) && url.scheme() == "at1" {
            true => Ok(Arc::new(SegmentStore)),
            false => Err(plan_datafusion_err!("worker: expected segments of AT1, found {url}")),
        }
    }
}
