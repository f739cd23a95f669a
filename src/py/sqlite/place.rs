//! Where the database is: what `url` and `data_dir` say.

use std::path::PathBuf;

use pyo3::prelude::*;

use crate::py::errors::ConfigurationError;

const SCHEME: &str = "sqlite://";
const NAME: &str = "sessions.sqlite";

/// The file that `url` names, or else the one in `data_dir`. `None` if neither is given.
///
/// The URL is as SQLAlchemy's: `sqlite:///` and a path, which for an absolute one makes four slashes.
pub(super) fn database_file(url: Option<&str>, data_dir: Option<&str>) -> PyResult<Option<PathBuf>> {
    let Some(url) = url else { return Ok(data_dir.map(|folder| PathBuf::from(folder).join(NAME))) };
    let refuse = |reason: &str| {
        Err(ConfigurationError::new_err(format!("url must be sqlite:////path/to/file: {reason}")))
    };
    let Some(rest) = url.strip_prefix(SCHEME) else { return refuse("it begins with another scheme") };
    let Some(path) = rest.strip_prefix('/') else {
        return refuse(
            "a file has no host; a relative path follows three slashes, an absolute one begins with the fourth",
        );
    };
    if path.is_empty() || path.ends_with('/') || path == ":memory:" {
        return refuse("it names no file; for sessions in memory use type = memory");
    }
    if path.contains(['?', '#', '\0']) {
        return refuse("it takes no parameters; durability and lock_dir are options of their own");
    }
    Ok(Some(PathBuf::from(path)))
}
