//! Serves simulated participants on port 8000 until ctrl-C.
//!
//! ```sh
//! cargo run -p grace-sim --example serve
//! curl -s localhost:8000/v1/completions -H 'content-type: application/json' \
//!   -d '{"prompt": "Is anybody there?", "seed": 7}'
//! ```

use grace_sim::{Fault, Faults, SimConfig, serve};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let faults = Faults::none()
        .with_rate(Fault::Status(500), 0.01)
        .with_at_most_per_body(3);
    let config = SimConfig::new("sim")
        .with_batch_effect_sd(0.3)
        .with_instance(1)
        .with_faults(faults);
    let listener = TcpListener::bind("127.0.0.1:8000").await?;
    serve(listener, config, async {
        // Without a signal handler there is no way to stop but to be killed.
        let _ = tokio::signal::ctrl_c().await;
    })
    .await
}
