//! Where an operation's requests come in and go to: its servers, and what the options say of them.

use super::Options;
use super::operation::Operation;
use super::report::{Outcome, Report};
use super::server::Server;
use super::tree::{Place, Pointer};

/// A place of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// The host; `None` is every host of the gate.
    pub(super) host: Option<String>,
    /// What stands behind the gate, where that is known.
    pub(super) origin: Option<String>,
    /// What is in front of the document's paths.
    pub(super) base: String,
}

impl Site {
    /// The name of the capture in its host.
    pub(super) fn host_label(&self) -> Option<&str> {
        Some(self.host.as_deref()?.strip_prefix('{')?.split_once('}')?.0)
    }
}

/// The sites of a whole document, and of the operations that name others.
pub(super) struct Sites<'d> {
    options: &'d Options,
    document: Vec<Site>,
}

impl<'d> Sites<'d> {
    pub(super) fn read(document: &Place<'d>, options: &'d Options, report: &mut Report) -> Self {
        let servers = document.member("servers");
        let read = match &options.server {
            Some(url) => Server::parse(url, None).map(|server| vec![server]),
            None => {
                servers.as_ref().map_or_else(|| Ok(vec![Server::default()]), |servers| read(servers, options, report))
            }
        };
        let document = match read {
            Ok(servers) => sites(servers, options),
            Err(problem) => {
                report.missing("--server URL", &problem);
                Vec::new()
            }
        };
        Self { options, document }
    }

    /// The sites of an operation.
    ///
    /// # Errors
    /// Says why its own servers stand for no place.
    pub(super) fn of(&self, operation: &Operation<'d>, report: &mut Report) -> Result<Vec<Site>, String> {
        match operation.place.member("servers").or_else(|| operation.servers.clone()) {
            Some(servers) => read(&servers, self.options, report).map(|servers| sites(servers, self.options)),
            None => Ok(self.document.clone()),
        }
    }

    /// The sites of the document.
    pub(super) fn of_document(&self) -> &[Site] {
        &self.document
    }
}

/// The servers of a list that routes can be for; at least one.
fn read(servers: &Place<'_>, options: &Options, report: &mut Report) -> Result<Vec<Server>, String> {
    let elements = servers.elements().ok_or_else(|| format!("`servers` is {}, not a list", servers.kind()))?;
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for place in elements {
        match Server::read(&place, options.hosts) {
            Ok(server) if options.hosts && server.host.is_none() => {
                problems
                    .push((place.pointer, "the server names no host, and --hosts makes routes for hosts".to_owned()));
            }
            Ok(server) => found.push((place.pointer, server)),
            Err(problem) => problems.push((place.pointer, problem)),
        }
    }
    if found.is_empty() && problems.is_empty() {
        return Ok(vec![Server::default()]);
    }
    if found.is_empty() {
        return Err(problems.into_iter().map(|(_, problem)| problem).collect::<Vec<_>>().join("; "));
    }
    for (pointer, problem) in &problems {
        report.remark(Outcome::LeftOut, problem, pointer);
    }
    if !options.hosts {
        leave_first(&mut found, options, report);
    }
    for (pointer, server) in &found {
        server.remarks.iter().for_each(|remark| report.remark(Outcome::Narrowed, remark, pointer));
    }
    Ok(found.into_iter().map(|(_, server)| server).collect())
}

/// One server is the origin. Others are other places, unless the paths are the same and the origin is another anyhow.
fn leave_first(found: &mut Vec<(Pointer, Server)>, options: &Options, report: &mut Report) {
    let others = found.split_off(1);
    let Some((_, first)) = found.first() else { return };
    let is_same = |other: &Server| other.base == first.base && (options.origin.is_some() || other.root == first.root);
    for (pointer, _) in others.iter().filter(|(_, other)| !is_same(other)) {
        let message = "only the first server is imported; --server URL takes another one, --hosts takes all";
        report.remark(Outcome::LeftOut, message, pointer);
    }
}

fn sites(servers: Vec<Server>, options: &Options) -> Vec<Site> {
    let mut sites: Vec<Site> = Vec::new();
    for server in servers {
        let host = server.host.filter(|_| options.hosts);
        let own = if host.is_some() { Some("passthrough".to_owned()) } else { server.root };
        let site = Site { host, origin: options.origin.clone().or(own), base: server.base };
        if !sites.contains(&site) {
            sites.push(site);
        }
    }
    sites
}
