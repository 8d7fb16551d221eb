//! Converts `security` to the policy's access: who may call an operation.

use portcullis::policy::is_scope;

use super::names::unique;
use super::options::{DefaultAccess, ImportOptions};
use super::remarks::{RemarkKind, Remarks};
use super::schemes::{SecurityScheme, TokenScheme};
use super::scopes::{ImportedScopes, combine};
use super::tree::TreeNode;
use crate::document::SourceValue;

/// Who may use a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ImportedAccess {
    /// Callers with a token.
    Token(ImportedRequirement),
    /// Callers with a token, and callers without one.
    Optional(ImportedRequirement),
    /// Everyone.
    Public,
    /// No one.
    Deny,
}

/// What is required of a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ImportedRequirement {
    /// The names of the issuers whose tokens are accepted.
    pub(crate) issuers: Vec<String>,
    /// The scopes that it must have.
    pub(crate) scopes: ImportedScopes,
}

/// An issuer of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImportedIssuer {
    /// Its name in the policy: that of the first scheme whose tokens it issues.
    pub(crate) name: String,
    /// The value of `iss`.
    pub(crate) issuer: String,
}

/// An alternative of `security`.
enum SecurityAlternative {
    Anonymous,
    Token { issuer: String, scopes: Vec<String> },
}

/// The security of a document, and the options about it.
pub(super) struct Security<'d> {
    schemes: Vec<(&'d str, SecurityScheme)>,
    document: TreeNode<'d>,
    options: &'d ImportOptions,
    issuers: Vec<ImportedIssuer>,
}

impl<'d> Security<'d> {
    pub(super) fn read(root: &'d SourceValue, options: &'d ImportOptions) -> Self {
        let document = TreeNode::root(root);
        let schemes = document.member("components").and_then(|components| components.member("securitySchemes"));
        let read = |(name, scheme): (&'d str, TreeNode<'d>)| match scheme.follow(root).and_then(TreeNode::unmerged) {
            Ok(scheme) => (name, SecurityScheme::read(&scheme)),
            Err(problem) => (name, SecurityScheme::Unreadable(problem)),
        };
        let schemes = schemes.iter().flat_map(|schemes| schemes.members().map(read).collect::<Vec<_>>()).collect();
        Self { schemes, document, options, issuers: Vec::new() }
    }

    /// The names of the schemes.
    pub(super) fn names(&self) -> impl Iterator<Item = &'d str> {
        self.schemes.iter().map(|(name, _)| *name)
    }

    /// The issuers that were used.
    pub(super) fn into_issuers(self) -> Vec<ImportedIssuer> {
        self.issuers
    }

    /// Who may call this operation.
    ///
    /// # Errors
    /// Why the policy cannot express it, so that no one may.
    pub(super) fn access(&mut self, operation: &TreeNode<'d>, remarks: &mut Remarks) -> Result<ImportedAccess, String> {
        match operation.member("security").or_else(|| self.document.member("security")) {
            Some(security) => self.stated(&security, remarks),
            None => Ok(self.unstated(operation, remarks)),
        }
    }

    fn unstated(&mut self, operation: &TreeNode<'_>, remarks: &mut Remarks) -> ImportedAccess {
        let Some(default) = self.options.default_access else {
            remarks.need(
                "--default-access deny|token|public",
                "the document does not say who may call operations without `security`",
            );
            remarks.add(RemarkKind::Noted, "has no `security`, and neither does the document", &operation.pointer);
            return ImportedAccess::Deny;
        };
        let message = format!("has no `security`: {default}, by --default-access");
        remarks.add(RemarkKind::Noted, &message, &operation.pointer);
        match default {
            DefaultAccess::Public => ImportedAccess::Public,
            DefaultAccess::Deny => ImportedAccess::Deny,
            DefaultAccess::Token => ImportedAccess::Token(self.any_token(remarks)),
        }
    }

    /// A requirement of a token of any issuer in the options.
    fn any_token(&mut self, remarks: &mut Remarks) -> ImportedRequirement {
        let named = self.options.issuers.iter().map(|(name, issuer)| (name.clone(), issuer.clone()));
        let other = self.options.issuer.iter().map(|issuer| ("default".to_owned(), issuer.clone()));
        let mut issuers: Vec<String> = Vec::new();
        for (name, issuer) in named.chain(other).collect::<Vec<_>>() {
            let name = self.intern(&name, &issuer);
            if !issuers.contains(&name) {
                issuers.push(name);
            }
        }
        if issuers.is_empty() {
            remarks.need("--issuer URL", "--default-access token accepts tokens of the issuers that --issuer names");
        }
        ImportedRequirement { issuers, scopes: ImportedScopes::default() }
    }

    fn stated(&mut self, security: &TreeNode<'d>, remarks: &mut Remarks) -> Result<ImportedAccess, String> {
        let alternatives = security.elements();
        let alternatives: Vec<TreeNode<'d>> =
            alternatives.ok_or_else(|| format!("`security` is {}, not a list", security.kind()))?.collect();
        let mut is_open = alternatives.is_empty();
        let (mut tokens, mut problems) = (Vec::new(), Vec::new());
        for place in alternatives {
            match self.alternative(&place, remarks) {
                Ok(SecurityAlternative::Anonymous) => is_open = true,
                Ok(SecurityAlternative::Token { issuer, scopes }) => tokens.push((issuer, scopes)),
                Err(problem) => problems.push((place.pointer, problem)),
            }
        }
        if tokens.is_empty() && !is_open {
            return Err(problems.into_iter().map(|(_, problem)| problem).collect::<Vec<_>>().join("; "));
        }
        for (pointer, problem) in &problems {
            remarks.add(RemarkKind::Narrowed, &format!("{problem}; the other alternatives remain"), pointer);
        }
        let requirement = join(&tokens, security, remarks);
        if requirement.as_ref().is_some_and(|requirement| is_open && requirement.scopes != ImportedScopes::default()) {
            let message = "a token without these scopes is refused, though a request without any token is not";
            remarks.add(RemarkKind::Narrowed, message, &security.pointer);
        }
        Ok(match (is_open, requirement) {
            (true, None) => ImportedAccess::Public,
            (true, Some(requirement)) => ImportedAccess::Optional(requirement),
            (false, Some(requirement)) => ImportedAccess::Token(requirement),
            (false, None) => ImportedAccess::Deny,
        })
    }

    /// Reads one alternative: schemes that are all required.
    fn alternative(&mut self, place: &TreeNode<'d>, remarks: &mut Remarks) -> Result<SecurityAlternative, String> {
        if !place.is_table() {
            return Err(format!("an alternative of `security` is {}, not a table", place.kind()));
        }
        // All schemes are read before the user is asked about one: if another scheme denies, the answer would not
        // matter.
        let read = |(name, scopes): (&'d str, TreeNode<'d>)| {
            Ok((name, self.scheme(name)?.clone(), self.scopes_of(name, &scopes, remarks)?))
        };
        let schemes = place.members().map(read).collect::<Result<Vec<_>, String>>()?;
        let mut token: Option<(String, Vec<String>)> = None;
        for (name, scheme, scopes) in schemes {
            let issuer = self.issuer_of(name, scheme, place, remarks);
            let (known, all) = token.get_or_insert((issuer.clone(), Vec::new()));
            if *known != issuer {
                return Err(format!("one request cannot carry tokens of both {known:?} and {issuer:?}"));
            }
            all.extend(scopes);
            all.sort_unstable();
            all.dedup();
        }
        Ok(token
            .map_or(SecurityAlternative::Anonymous, |(issuer, scopes)| SecurityAlternative::Token { issuer, scopes }))
    }

    fn scheme(&self, name: &str) -> Result<&TokenScheme, String> {
        match self.schemes.iter().find(|(known, _)| *known == name) {
            Some((_, SecurityScheme::Token(scheme))) => Ok(scheme),
            Some((_, SecurityScheme::Other(what))) => {
                Err(format!("the security scheme {name:?} {what}, which the gate does not check"))
            }
            Some((_, SecurityScheme::Unreadable(problem))) => Err(format!("the security scheme {name:?}: {problem}")),
            None => Err(format!("the document has no security scheme {name:?}")),
        }
    }

    /// The name of the issuer of a scheme's tokens, in the policy.
    fn issuer_of(&mut self, name: &str, scheme: TokenScheme, place: &TreeNode<'_>, remarks: &mut Remarks) -> String {
        if let Some(format) = scheme.format {
            let message = format!("the tokens of {name:?} have the format {format:?}; the gate accepts only JWTs");
            remarks.add(RemarkKind::Noted, &message, &place.pointer);
        }
        let named = self.options.issuers.iter().find(|(known, _)| known == name).map(|(_, issuer)| issuer.clone());
        let Some(issuer) = named.or(scheme.issuer).or_else(|| self.options.issuer.clone()) else {
            let hint = scheme.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            remarks.need(
                &format!("--issuer {name}=URL"),
                &format!("the document does not say who issues the tokens of {name:?}{hint}"),
            );
            return name.to_owned();
        };
        self.intern(name, &issuer)
    }

    fn intern(&mut self, name: &str, issuer: &str) -> String {
        if let Some(known) = self.issuers.iter().find(|known| known.issuer == issuer) {
            return known.name.clone();
        }
        let is_free = |name: &str| !self.issuers.iter().any(|known| known.name == name);
        let name = unique(name, is_free);
        self.issuers.push(ImportedIssuer { name: name.clone(), issuer: issuer.to_owned() });
        name
    }

    fn scopes_of(&self, name: &str, scopes: &TreeNode<'_>, remarks: &mut Remarks) -> Result<Vec<String>, String> {
        let elements =
            scopes.elements().ok_or_else(|| format!("the scopes of {name:?} are {}, not a list", scopes.kind()))?;
        let declared = self.schemes.iter().find_map(|(known, scheme)| match scheme {
            SecurityScheme::Token(TokenScheme { declared, .. }) if *known == name => declared.as_deref(),
            _ => None,
        });
        let mut read = Vec::new();
        for element in elements {
            let scope = element.text().filter(|scope| is_scope(scope));
            let scope = scope.ok_or_else(|| {
                format!(
                    "{} among the scopes of {name:?} is not a valid scope",
                    element.scalar().unwrap_or_else(|| element.kind().to_owned())
                )
            })?;
            if declared.is_some_and(|declared| !declared.is_empty() && !declared.iter().any(|known| known == scope)) {
                let message = format!("the security scheme {name:?} does not declare the scope {scope:?}");
                remarks.add(RemarkKind::Noted, &message, &element.pointer);
            }
            read.push(scope.to_owned());
        }
        Ok(read)
    }
}

/// One requirement for all alternatives. Alternatives that it cannot express are dropped, so that it allows less.
fn join(
    tokens: &[(String, Vec<String>)],
    security: &TreeNode<'_>,
    remarks: &mut Remarks,
) -> Option<ImportedRequirement> {
    let mut issuers: Vec<&String> = Vec::new();
    for (issuer, _) in tokens {
        if !issuers.contains(&issuer) {
            issuers.push(issuer);
        }
    }
    let of = |issuer: &String| {
        let alternatives = tokens.iter().filter(|(known, _)| known == issuer).map(|(_, scopes)| scopes.clone());
        combine(&alternatives.collect::<Vec<_>>())
    };
    let first = of(issuers.first()?);
    if first.is_err() {
        let message =
            "these alternatives cannot be written as `all` and `any`; the scopes of the first one are required";
        remarks.add(RemarkKind::Narrowed, message, &security.pointer);
    }
    let scopes = first.clone().unwrap_or_else(|first| first);
    let (mut same, others): (Vec<&String>, Vec<&String>) = issuers.into_iter().partition(|issuer| of(issuer) == first);
    if !others.is_empty() {
        let others = others.into_iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        let message = format!("a route requires the same scopes of all issuers; tokens of {others} are not accepted");
        remarks.add(RemarkKind::Narrowed, &message, &security.pointer);
    }
    // The order of alternatives has no meaning.
    same.sort_unstable();
    Some(ImportedRequirement { issuers: same.into_iter().cloned().collect(), scopes })
}
