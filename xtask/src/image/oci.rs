//! The OCI image layout in one archive: <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::binary::architecture;
use super::tar::Archive;

/// User and group that the program runs as.
pub(super) const USER: &str = "10001:10001";
/// The program in the image.
pub(super) const PROGRAM: &str = "grace-cli";

/// The archive of an image whose only file is `program`. The same program makes the same bytes.
pub(super) fn archive(program: &[u8], tag: &str) -> Vec<u8> {
    let mut layer = Archive::default();
    layer.add(PROGRAM, 0o755, program);
    let layer = layer.finish();
    let layer_digest = digest(&layer);
    let config = bytes(&json!({
        "architecture": architecture(),
        "os": "linux",
        "config": { "User": USER, "Entrypoint": [format!("/{PROGRAM}")], "WorkingDir": "/" },
        "rootfs": { "type": "layers", "diff_ids": [layer_digest] },
        "history": [{ "created_by": "cargo xtask image" }],
    }));
    let manifest = bytes(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
    }));
    let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
    entry["platform"] = json!({ "architecture": architecture(), "os": "linux" });
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
    let index = bytes(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [entry],
    }));
    let mut archive = Archive::default();
    archive.add(
        "oci-layout",
        0o644,
        &bytes(&json!({ "imageLayoutVersion": "1.0.0" })),
    );
    archive.add("index.json", 0o644, &index);
    for blob in [&manifest, &config, &layer] {
        let path = format!("blobs/{}", digest(blob).replace(':', "/"));
        archive.add(&path, 0o644, blob);
    }
    archive.finish()
}

fn descriptor(media_type: &str, blob: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": digest(blob), "size": blob.len() })
}

fn digest(blob: &[u8]) -> String {
    let digest = Sha256::digest(blob);
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex = digits.filter_map(|digit| char::from_digit(u32::from(digit), 16));
    format!("sha256:{}", hex.collect::<String>())
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Follows digests from the index to the program, as whoever pulls the image does.
    #[test]
    fn every_digest_leads_to_its_blob() {
        let folder = std::env::temp_dir().join(format!("grace-oci-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("image.tar");
        std::fs::write(&file, archive(b"program", "1.2.3")).unwrap();
        let unpack = |what: &std::path::Path| {
            assert!(
                Command::new("tar")
                    .arg("-C")
                    .arg(&folder)
                    .arg("-xf")
                    .arg(what)
                    .status()
                    .unwrap()
                    .success()
            );
        };
        unpack(&file);
        let read = |path: &str| std::fs::read(folder.join(path)).unwrap();
        let blob = |descriptor: &Value| {
            let name = descriptor["digest"].as_str().unwrap();
            let bytes = read(&format!("blobs/{}", name.replace(':', "/")));
            assert_eq!(
                (digest(&bytes), bytes.len() as u64),
                (name.to_owned(), descriptor["size"].as_u64().unwrap())
            );
            bytes
        };
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let index = json(&read("index.json"));
        assert_eq!(
            index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"],
            "1.2.3"
        );
        let manifest = json(&blob(&index["manifests"][0]));
        let config = json(&blob(&manifest["config"]));
        let layer = blob(&manifest["layers"][0]);
        assert_eq!(config["rootfs"]["diff_ids"][0], digest(&layer));
        assert_eq!(config["config"]["User"], USER);
        std::fs::write(folder.join("layer.tar"), &layer).unwrap();
        unpack(&folder.join("layer.tar"));
        assert_eq!(read(PROGRAM), b"program");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
