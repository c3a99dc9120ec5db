//! Kubernetes for enact: custom resources to a plan. Arrives with its own issue.
