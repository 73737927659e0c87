//! Launching, watching and collecting Indexed Jobs of grace on a Kubernetes cluster.
