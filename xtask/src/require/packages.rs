//! What the things a command needs are called by the systems' package managers.

use super::Need;

/// A package manager whose packages are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    Apt,
    Dnf,
    Pacman,
    Zypper,
    Apk,
    Brew,
}

impl Manager {
    /// The package manager of the Linux distribution that `/etc/os-release` describes: itself or one it is like.
    pub(super) fn of(os_release: &str) -> Option<Self> {
        let value = |key: &str| {
            let line = os_release
                .lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\''])
        };
        let names = value("ID")
            .split_whitespace()
            .chain(value("ID_LIKE").split_whitespace());
        names.into_iter().find_map(|name| match name {
            "debian" | "ubuntu" => Some(Self::Apt),
            "fedora" | "rhel" | "centos" => Some(Self::Dnf),
            "arch" => Some(Self::Pacman),
            "suse" | "opensuse" => Some(Self::Zypper),
            "alpine" => Some(Self::Apk),
            _ => None,
        })
    }

    /// What comes before the packages' names.
    fn install(self) -> &'static str {
        match self {
            Self::Apt => "sudo apt-get install",
            Self::Dnf => "sudo dnf install",
            Self::Pacman => "sudo pacman -S --needed",
            Self::Zypper => "sudo zypper install",
            Self::Apk => "sudo apk add",
            Self::Brew => "brew install",
        }
    }

    fn packages(self, need: Need) -> &'static [&'static str] {
        match (self, need) {
            (Self::Apt, Need::CCompiler) => &["gcc", "libc6-dev"],
            (Self::Apk, Need::CCompiler) => &["gcc", "musl-dev"],
            // Apple's command line tools, see `line`.
            (Self::Brew, Need::CCompiler | Need::CxxCompiler | Need::Make) => &[],
            (_, Need::CCompiler) => &["gcc"],
            (Self::Dnf | Self::Zypper, Need::CxxCompiler) => &["gcc-c++"],
            (Self::Pacman, Need::CxxCompiler) => &["gcc"],
            (_, Need::CxxCompiler) => &["g++"],
            (_, Need::Make) => &["make"],
            (_, Need::Bash) => &["bash"],
            (Self::Apt, Need::Java) => &["default-jre-headless"],
            (Self::Dnf | Self::Zypper, Need::Java) => &["java-21-openjdk-headless"],
            (Self::Pacman, Need::Java) => &["jre21-openjdk-headless"],
            (Self::Apk, Need::Java) => &["openjdk21-jre-headless"],
            (Self::Brew, Need::Java) => &["openjdk@21"],
            (_, Need::Maven) => &["maven"],
            (Self::Apt, Need::Xz) => &["xz-utils"],
            (_, Need::Xz) => &["xz"],
            // Without the certificates, which are merely recommended to it, it reaches nothing over HTTPS.
            (Self::Apt, Need::Curl) => &["curl", "ca-certificates"],
            (_, Need::Curl) => &["curl"],
            (_, Need::Unzip) => &["unzip"],
            (Self::Apt, Need::OpenSsl) => &["libssl-dev", "pkg-config"],
            (Self::Dnf, Need::OpenSsl) => &["openssl-devel", "pkgconf"],
            (Self::Zypper, Need::OpenSsl) => &["libopenssl-devel", "pkg-config"],
            (Self::Apk, Need::OpenSsl) => &["openssl-dev", "pkgconf"],
            (Self::Pacman, Need::OpenSsl) => &["openssl", "pkgconf"],
            (Self::Brew, Need::OpenSsl) => &["openssl@3", "pkgconf"],
        }
    }

    /// The line that installs what is missing.
    fn line(self, missing: &[Need]) -> String {
        let mut packages: Vec<_> = missing
            .iter()
            .flat_map(|need| self.packages(*need))
            .copied()
            .collect();
        packages.dedup();
        let mut steps = Vec::new();
        if self == Self::Brew && missing.iter().any(|need| self.packages(*need).is_empty()) {
            steps.push("xcode-select --install".to_owned());
        }
        if !packages.is_empty() {
            steps.push(format!("{} {}", self.install(), packages.join(" ")));
        }
        if self == Self::Brew && missing.contains(&Need::Java) {
            // Homebrew does not put it on the PATH.
            steps.push("export JAVA_HOME=\"$(brew --prefix openjdk@21)\"".to_owned());
        }
        steps.join(" && ")
    }
}

/// The Debian or Ubuntu packages for what is missing; `installable` tells whether this release has a
/// package.
pub(super) fn apt(missing: &[Need], installable: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let packages = missing.iter().flat_map(|need| match need {
        // Releases carry different versions, and the default of older ones is too old for Kafka.
        Need::Java => [
            "openjdk-21-jre-headless",
            "openjdk-17-jre-headless",
            "openjdk-25-jre-headless",
        ]
        .into_iter()
        .find(|package| installable(package))
        .map_or_else(
            || Manager::Apt.packages(Need::Java).to_vec(),
            |package| vec![package],
        ),
        _ => Manager::Apt.packages(*need).to_vec(),
    });
    packages.collect()
}

/// What to tell somebody whose machine lacks something that is not installed from here.
pub(super) fn advice(manager: Option<Manager>, missing: &[Need]) -> String {
    match manager {
        Some(manager) => format!(
            "please install what is missing, then try again:\n    {}",
            manager.line(missing)
        ),
        None => "please install what is missing with your system's package manager, then try again"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_are_recognised_by_themselves_or_their_kin() {
        for (os_release, expected) in [
            (
                "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n",
                Some(Manager::Apt),
            ),
            ("ID=ubuntu\nID_LIKE=debian\n", Some(Manager::Apt)),
            (
                "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n",
                Some(Manager::Apt),
            ),
            ("ID=fedora\n", Some(Manager::Dnf)),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                Some(Manager::Dnf),
            ),
            ("ID=manjaro\nID_LIKE=arch\n", Some(Manager::Pacman)),
            (
                "ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"\n",
                Some(Manager::Zypper),
            ),
            ("ID=alpine\n", Some(Manager::Apk)),
            ("ID=nixos\nID_LIKE=\"\"\n", None),
            ("VERSION_ID=\"debian\"\n", None),
            ("", None),
        ] {
            assert_eq!(Manager::of(os_release), expected, "{os_release}");
        }
    }

    #[test]
    fn the_line_is_ready_to_paste() {
        let build = [Need::CCompiler, Need::CxxCompiler, Need::Make];
        let servers = [Need::Java, Need::Maven];
        for (manager, missing, expected) in [
            (
                Manager::Apt,
                &build[..],
                "sudo apt-get install gcc libc6-dev g++ make",
            ),
            (
                Manager::Dnf,
                &servers,
                "sudo dnf install java-21-openjdk-headless maven",
            ),
            (Manager::Pacman, &build, "sudo pacman -S --needed gcc make"),
            (Manager::Apk, &build, "sudo apk add gcc musl-dev g++ make"),
            (Manager::Brew, &build, "xcode-select --install"),
            (
                Manager::Brew,
                &servers,
                "brew install openjdk@21 maven && export JAVA_HOME=\"$(brew --prefix openjdk@21)\"",
            ),
        ] {
            assert_eq!(manager.line(missing), expected);
        }
    }

    #[test]
    fn apt_takes_the_java_the_release_has() {
        let java =
            |packages: &'static [&str]| apt(&[Need::Java], |package| packages.contains(&package));
        assert_eq!(
            java(&["openjdk-17-jre-headless"]),
            ["openjdk-17-jre-headless"]
        );
        assert_eq!(
            java(&["openjdk-17-jre-headless", "openjdk-21-jre-headless"]),
            ["openjdk-21-jre-headless"]
        );
        assert_eq!(java(&[]), ["default-jre-headless"]);
    }

    #[test]
    fn advice_without_a_known_manager_names_none() {
        assert!(!advice(None, &[Need::Make]).contains("sudo"));
        assert!(advice(Some(Manager::Dnf), &[Need::Make]).ends_with("\n    sudo dnf install make"));
    }
}
