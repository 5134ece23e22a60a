//! What a process is called.

/// Of a pod, as its manifest may set it from `metadata.name`; and what Kubernetes, Docker and shells
/// call the host, which in a pod is the same.
const VARIABLES: [&str; 2] = ["POD_NAME", "HOSTNAME"];

/// `configured`, else the pod's name, else the host's.
pub(crate) fn name(configured: Option<&str>) -> String {
    let variables = VARIABLES.into_iter().filter_map(std::env::var_os);
    let host = || hostname::get().unwrap_or_default();
    let named = variables.chain(std::iter::once_with(host));
    let named = named.map(|name| name.to_string_lossy().into_owned());
    let configured = configured.map(str::to_owned);
    let mut names = configured.into_iter().chain(named);
    names.find(|name| !name.is_empty()).unwrap_or_default()
}
