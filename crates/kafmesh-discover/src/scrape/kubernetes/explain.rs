//! What an error of the API server means to who runs kafmesh-discover.

use super::Error;

/// What happened when `verb` was tried, and what to do.
pub(super) fn explain(verb: &str, namespace: Option<&str>, error: &Error) -> String {
    let place = match namespace {
        Some(namespace) => format!("in the namespace {namespace}"),
        None => "in all namespaces".to_owned(),
    };
    let what = format!("cannot {verb} pods {place}");
    match error {
        Error::Kube(kube::Error::Api(status)) if status.code == 403 => {
            let who = user(&status.message).unwrap_or("kafmesh-discover's service account");
            let role = match namespace {
                Some(namespace) => format!("a Role in the namespace {namespace}"),
                None => "a ClusterRole".to_owned(),
            };
            format!(
                "{what}: {who} lacks the verb `{verb}` on pods; give it {role} with the verbs get, \
                 list and watch on pods, as kafmesh-discover's chart does"
            )
        }
        Error::Kube(kube::Error::Api(status)) if status.code == 401 => format!(
            "{what}: the API server does not know who is asking ({}); check the token of the \
             service account, or the kubeconfig",
            status.message
        ),
        Error::Kube(kube::Error::Api(status)) => format!(
            "{what}: the API server answers {} ({})",
            status.code, status.message
        ),
        error => format!(
            "{what}: {}; check that the API server can be reached",
            chain(error)
        ),
    }
}

/// Who is asking, as the API server says in a refusal.
fn user(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("User \"")?;
    rest.split_once('"').map(|(user, _)| user)
}

/// An error with its causes, each once: some tell their cause themselves.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let deeper = error.to_string();
        if !text.contains(&deeper) {
            text.push_str(": ");
            text.push_str(&deeper);
        }
        cause = error.source();
    }
    text
}
