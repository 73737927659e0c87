//! The profile `restricted` of the Pod Security Standards.

use k8s_openapi::api::core::v1::{Container, PodSpec, SecurityContext, Volume};

/// What the profile forbids in this pod: field, what was found, what is expected.
pub(super) fn restricted(pod: &PodSpec) -> Vec<(String, String, &'static str)> {
    let mut found = Vec::new();
    let mut note = |field: String, what: String, expected| found.push((field, what, expected));
    for (field, value) in [
        ("hostNetwork", pod.host_network),
        ("hostPID", pod.host_pid),
        ("hostIPC", pod.host_ipc),
    ] {
        if value == Some(true) {
            note(field.to_owned(), String::from("true"), "false");
        }
    }
    for volume in pod
        .volumes
        .iter()
        .flatten()
        .filter(|volume| !is_allowed(volume))
    {
        note(
            format!("volumes[{}]", volume.name),
            String::from("a kind of volume of the host or the network"),
            "a claim, ConfigMap, secret, emptyDir, projected or downwardAPI volume",
        );
    }
    let all = pod.init_containers.iter().flatten().chain(&pod.containers);
    for container in all {
        for (field, what, expected) in of_container(pod, container) {
            note(
                format!("containers[{}].{field}", container.name),
                what,
                expected,
            );
        }
    }
    found
}

/// A field, what was found there, what is expected.
type Finding = (&'static str, String, &'static str);

fn of_container(pod: &PodSpec, container: &Container) -> Vec<Finding> {
    let whole = pod.security_context.clone().unwrap_or_default();
    let own = container.security_context.clone().unwrap_or_default();
    let mut found = privileges(&own);
    let non_root = own.run_as_non_root.or(whole.run_as_non_root);
    if non_root != Some(true) {
        found.push(("securityContext.runAsNonRoot", shown(non_root), "true"));
    }
    if own.run_as_user.or(whole.run_as_user) == Some(0) {
        found.push((
            "securityContext.runAsUser",
            String::from("0"),
            "another user than root",
        ));
    }
    let seccomp = own
        .seccomp_profile
        .as_ref()
        .or(whole.seccomp_profile.as_ref());
    let profile = seccomp.map_or("nothing", |profile| profile.type_.as_str());
    if !matches!(profile, "RuntimeDefault" | "Localhost") {
        found.push((
            "securityContext.seccompProfile.type",
            profile.to_owned(),
            "RuntimeDefault or Localhost",
        ));
    }
    let ports = container.ports.iter().flatten();
    if ports
        .filter_map(|port| port.host_port)
        .any(|port| port != 0)
    {
        found.push(("ports.hostPort", String::from("a port of the host"), "none"));
    }
    found
}

/// What a container may do beyond other programs.
fn privileges(own: &SecurityContext) -> Vec<Finding> {
    let mut found = Vec::new();
    if own.privileged == Some(true) {
        found.push(("securityContext.privileged", shown(own.privileged), "false"));
    }
    if own.allow_privilege_escalation != Some(false) {
        let escalation = shown(own.allow_privilege_escalation);
        found.push((
            "securityContext.allowPrivilegeEscalation",
            escalation,
            "false",
        ));
    }
    let capabilities = own.capabilities.clone().unwrap_or_default();
    let dropped = capabilities.drop.unwrap_or_default();
    if !dropped.iter().any(|capability| capability == "ALL") {
        found.push((
            "securityContext.capabilities.drop",
            format!("{dropped:?}"),
            "[ALL]",
        ));
    }
    let added = capabilities.add.unwrap_or_default();
    if added
        .iter()
        .any(|capability| capability != "NET_BIND_SERVICE")
    {
        found.push((
            "securityContext.capabilities.add",
            format!("{added:?}"),
            "none but NET_BIND_SERVICE",
        ));
    }
    if let Some(mount) = own.proc_mount.as_ref().filter(|mount| *mount != "Default") {
        found.push(("securityContext.procMount", mount.clone(), "Default"));
    }
    found
}

fn shown(value: Option<bool>) -> String {
    value.map_or_else(|| String::from("nothing"), |value| value.to_string())
}

fn is_allowed(volume: &Volume) -> bool {
    volume.config_map.is_some()
        || volume.csi.is_some()
        || volume.downward_api.is_some()
        || volume.empty_dir.is_some()
        || volume.ephemeral.is_some()
        || volume.persistent_volume_claim.is_some()
        || volume.projected.is_some()
        || volume.secret.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::typed::parse;

    const GOOD: &str = "{securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}, containers: [{name: a, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}], volumes: [{name: v, emptyDir: {}}]}";

    #[track_caller]
    fn fields(from: &str, to: &str) -> Vec<String> {
        let text = GOOD.replacen(from, to, 1);
        assert!(from == to || text != GOOD, "{from}");
        restricted(&parse(&text).unwrap())
            .into_iter()
            .map(|(field, ..)| field)
            .collect()
    }

    #[test]
    fn a_pod_that_keeps_to_it_has_nothing_against_it() {
        assert_eq!(fields("a", "a"), Vec::<String>::new());
    }

    #[test]
    fn what_an_admission_controller_refuses_is_found() {
        // The four complaints of a real one about a bare container.
        assert_eq!(
            restricted(&parse("containers: [{name: run}]").unwrap()).len(),
            4
        );
        for (from, to, field) in [
            ("emptyDir: {}", "hostPath: {path: /}", "volumes[v]"),
            (
                "{securityContext: {runAs",
                "{hostNetwork: true, securityContext: {runAs",
                "hostNetwork",
            ),
            (
                "runAsNonRoot: true",
                "runAsNonRoot: true, runAsUser: 0",
                "containers[a].securityContext.runAsUser",
            ),
            (
                "RuntimeDefault",
                "Unconfined",
                "containers[a].securityContext.seccompProfile.type",
            ),
            (
                "drop: [ALL]",
                "drop: [ALL], add: [SYS_ADMIN]",
                "containers[a].securityContext.capabilities.add",
            ),
            (
                "allowPriv",
                "privileged: true, allowPriv",
                "containers[a].securityContext.privileged",
            ),
            (
                "name: a,",
                "name: a, ports: [{containerPort: 1, hostPort: 1}],",
                "containers[a].ports.hostPort",
            ),
        ] {
            assert_eq!(fields(from, to), [field]);
        }
    }
}
