//! Sites: where the requests of operations come in and where they go, by their servers and the options.

use super::operation::Operation;
use super::options::ImportOptions;
use super::readings::{ServerReading, at, readings};
use super::remarks::{RemarkKind, Remarks};
use super::server::Server;
use super::tree::{Pointer, TreeNode};
use crate::area::label_of;

/// A host and a base path where requests come in, and their origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// The host; `None` for every host of the gate.
    pub(super) host: Option<String>,
    /// The origin behind the gate, if it is known.
    pub(super) origin: Option<String>,
    /// The base path of the document's paths.
    pub(super) base: String,
    /// Why there are no routes for it, if there are none.
    pub(super) left_out: Option<String>,
}

impl Site {
    /// The name of the capture in its host.
    pub(super) fn host_label(&self) -> Option<&str> {
        self.host.as_deref().and_then(label_of)
    }
}

/// The sites of a document, and of operations with servers of their own.
pub(super) struct Sites<'d> {
    options: &'d ImportOptions,
    document: Vec<Site>,
    /// The roots of the document's own servers, which `--origin` replaces.
    roots: Vec<Option<String>>,
}

impl<'d> Sites<'d> {
    /// Reads the document's servers, and applies the options.
    ///
    /// # Errors
    /// Which of them cannot be read.
    pub(super) fn read(
        document: &TreeNode<'d>,
        options: &'d ImportOptions,
        remarks: &mut Remarks,
    ) -> Result<Self, String> {
        let servers = document.member("servers").filter(|servers| !is_empty(servers));
        let list =
            servers.map_or_else(|| Ok(ServerList::none(document)), |servers| ServerList::read(&servers, options))?;
        let found = match &options.server {
            Some(url) => Server::parse(url, None).map(|server| vec![server]),
            None => list.import(options, options.origin.is_some(), remarks),
        };
        let found = found.unwrap_or_else(|problem| {
            remarks.need("--server URL", &problem);
            Vec::new()
        });
        let roots = found.iter().map(|server| server.root.clone()).chain(list.roots()).collect();
        let mut sites = Self { options, document: Vec::new(), roots };
        sites.document = sites.of_servers(found, &list);
        Ok(sites)
    }

    /// The sites of an operation, and why its own servers are unusable, if they are. It then also has the document's
    /// sites: where its requests go is unknown, but not where they may come in. An operation that cannot be read has
    /// the document's sites and all that may be its own.
    ///
    /// # Errors
    /// Which of them cannot be read.
    pub(super) fn of(
        &self,
        operation: &Operation<'d>,
        remarks: &mut Remarks,
    ) -> Result<(Vec<Site>, Option<String>), String> {
        if operation.problem.is_some() {
            let mut sites = self.document.clone();
            for servers in operation.hidden_servers.iter().filter(|servers| !is_empty(servers)) {
                sites.extend(self.of_list(servers, remarks)?.0);
            }
            return Ok((sites, None));
        }
        let own = operation.place.member("servers").into_iter().chain(operation.servers.clone());
        let Some(servers) = own.into_iter().find(|servers| !is_empty(servers)) else {
            return Ok((self.document.clone(), None));
        };
        self.of_list(&servers, remarks)
    }

    fn of_list(&self, servers: &TreeNode<'d>, remarks: &mut Remarks) -> Result<(Vec<Site>, Option<String>), String> {
        let list = ServerList::read(servers, self.options)?;
        Ok(match list.import(self.options, false, remarks) {
            Ok(found) => (self.of_servers(found, &list), None),
            Err(problem) => ([self.document.clone(), self.of_servers(Vec::new(), &list)].concat(), Some(problem)),
        })
    }

    /// The sites of these servers, and the sites of the list's other readings, without routes.
    fn of_servers(&self, servers: Vec<Server>, list: &ServerList) -> Vec<Site> {
        let mut sites: Vec<Site> = Vec::new();
        for server in servers {
            let host = server.host.filter(|_| self.options.hosts);
            let named =
                self.options.origin.clone().filter(|_| self.roots.contains(&server.root) || server.root.is_none());
            let own = if host.is_some() { Some("passthrough".to_owned()) } else { server.root };
            let site = Site { host, origin: named.or(own), base: server.base, left_out: None };
            if !sites.contains(&site) {
                sites.push(site);
            }
        }
        let origin = sites.first().and_then(|site| site.origin.clone());
        for ServerReading { url, host, base } in &list.readings {
            let (host, base) = (host.clone().filter(|_| self.options.hosts), base.clone());
            if !sites.iter().any(|site| (&site.host, &site.base) == (&host, &base)) {
                let left_out = Some(format!("there is no route for its path on the server {url:?}"));
                sites.push(Site { host, origin: origin.clone(), base, left_out });
            }
        }
        sites
    }
}

/// An empty list, or null, is like no list: the servers of the level above apply.
fn is_empty(servers: &TreeNode<'_>) -> bool {
    servers.is_nothing() || servers.elements().is_some_and(|mut elements| elements.next().is_none())
}

/// A list of servers.
struct ServerList {
    servers: Vec<(Pointer, Result<Server, String>)>,
    /// All URLs that they may stand for.
    readings: Vec<ServerReading>,
}

impl ServerList {
    /// The default, without a list.
    fn none(place: &TreeNode<'_>) -> Self {
        Self { servers: vec![(place.pointer.clone(), Ok(Server::default()))], readings: vec![ServerReading::of("/")] }
    }

    /// Reads a list.
    ///
    /// # Errors
    /// Which of it cannot be read.
    fn read(list: &TreeNode<'_>, options: &ImportOptions) -> Result<Self, String> {
        let elements = list.elements().ok_or_else(|| at(list, &format!("`servers` is {}, not a list", list.kind())))?;
        let (mut servers, mut found) = (Vec::new(), Vec::new());
        for place in elements {
            found.extend(readings(&place)?);
            let server = Server::read(&place, options.hosts).and_then(|server| match server.host {
                None if options.hosts => Err("the server has no host, which --hosts needs".to_owned()),
                _ => Ok(server),
            });
            servers.push((place.pointer, server));
        }
        Ok(Self { servers, readings: found })
    }

    fn roots(&self) -> impl Iterator<Item = Option<String>> {
        self.servers.iter().filter_map(|(_, server)| Some(server.as_ref().ok()?.root.clone()))
    }

    /// The servers to make routes for, at least one.
    ///
    /// # Errors
    /// Why there is none.
    fn import(&self, options: &ImportOptions, has_origin: bool, remarks: &mut Remarks) -> Result<Vec<Server>, String> {
        let (mut found, mut problems) = (Vec::new(), Vec::new());
        for (pointer, server) in &self.servers {
            match server {
                Ok(server) => found.push((pointer, server)),
                Err(problem) => problems.push((pointer, problem)),
            }
        }
        if found.is_empty() {
            return Err(problems.into_iter().map(|(_, problem)| problem.clone()).collect::<Vec<_>>().join("; "));
        }
        problems.iter().for_each(|(pointer, problem)| remarks.add(RemarkKind::LeftOut, problem, pointer));
        if !options.hosts {
            found = only_first(found, has_origin, remarks);
        }
        for (pointer, server) in &found {
            server.remarks.iter().for_each(|remark| remarks.add(RemarkKind::Narrowed, remark, pointer));
        }
        Ok(found.into_iter().map(|(_, server)| server.clone()).collect())
    }
}

/// The first server, which is the origin. The others are reported, unless they have the same paths and the same origin,
/// or `--origin` replaces it.
fn only_first<'l>(
    found: Vec<(&'l Pointer, &'l Server)>,
    has_origin: bool,
    remarks: &mut Remarks,
) -> Vec<(&'l Pointer, &'l Server)> {
    let mut servers = found.into_iter();
    let Some((place, first)) = servers.next() else { return Vec::new() };
    let is_same = |other: &Server| other.base == first.base && (has_origin || other.root == first.root);
    for (pointer, _) in servers.filter(|(_, other)| !is_same(other)) {
        let message = "only the first server is imported; --server URL imports another one, --hosts all of them";
        remarks.add(RemarkKind::LeftOut, message, pointer);
    }
    vec![(place, first)]
}
