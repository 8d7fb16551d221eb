//! Converts templates to routes: finds the spots that need a route, so that no request is allowed by a route for
//! others.
//!
//! The gate uses the most specific route for a request. That is right if one template is more specific than all others
//! that match the request. If two overlap and neither contains the other, the document does not say which one applies;
//! their intersection is then a spot of its own.

use std::collections::{HashMap, HashSet};

use super::remarks::{RemarkKind, Remarks};
use super::route::{ImportedRoute, together};
use super::site_template::SiteTemplate;
use super::spot::{Spot, SpotKind};
use crate::area::Area;
use crate::area::atlas::Atlas;

/// The maximum number of intersections. There can be more than paths, and a policy with more would be unreadable.
const MAX_SHARED: usize = 10_000;

/// Converts templates to routes.
///
/// # Errors
/// The templates overlap in too many ways.
pub(super) fn settle(templates: &[SiteTemplate], remarks: &mut Remarks) -> Result<Vec<ImportedRoute>, String> {
    note_case(templates, remarks);
    let mut table = SpotTable::new(templates);
    table.complete()?;
    table.kept.sort_by_key(|spot| spot.kind);
    Ok(together(table.kept.iter().flat_map(|spot| spot.routes(remarks)).collect()))
}

/// Adds remarks on paths that a case-insensitive origin cannot distinguish. The gate distinguishes them.
fn note_case(templates: &[SiteTemplate], remarks: &mut Remarks) {
    let mut first: HashMap<Area, &SiteTemplate> = HashMap::new();
    for template in templates.iter().filter(|template| template.left_out.is_none()) {
        let known = *first.entry(template.area.in_lower_case()).or_insert(template);
        let Some(other) = known.operations.first().filter(|_| known.area != template.area) else { continue };
        let message =
            format!("differs from {} only by case: a case-insensitive origin treats both as one", other.pointer);
        template.operations.iter().for_each(|operation| remarks.add(RemarkKind::Noted, &message, &operation.pointer));
    }
}

/// All spots, at most one for each area.
struct SpotTable<'t> {
    templates: &'t [SiteTemplate],
    atlas: Atlas,
    areas: HashSet<Area>,
    /// The spots that have routes.
    kept: Vec<Spot<'t>>,
    /// The spots where nothing is imported. One moves to `kept` if other routes would take its requests.
    left_out: Vec<Option<Spot<'t>>>,
}

impl<'t> SpotTable<'t> {
    fn new(templates: &'t [SiteTemplate]) -> Self {
        let mut atlas = Atlas::default();
        templates.iter().enumerate().for_each(|(number, template)| atlas.insert(&template.area, 0, number));
        let mut table = Self { templates, atlas, areas: HashSet::new(), kept: Vec::new(), left_out: Vec::new() };
        templates.iter().for_each(|template| table.add(template.area.cover(), SpotKind::LeftOut));
        table
    }

    /// Adds a spot; `otherwise` is its kind if the document has no path for it.
    fn add(&mut self, area: Area, otherwise: SpotKind) {
        if !self.areas.insert(area.clone()) {
            return;
        }
        let over = self.atlas.over(&area).into_iter().filter_map(|number| self.templates.get(number));
        let spot = Spot::new(area, over.collect(), otherwise);
        match spot.kind {
            SpotKind::LeftOut => self.left_out.push(Some(spot)),
            SpotKind::Own | SpotKind::Shared => self.kept.push(spot),
        }
    }

    /// Keeps the left-out spots within kept ones that differ, and adds the intersections of kept spots with others that
    /// differ. Each spot that this keeps or adds is compared in turn, since its routes may take the requests of others.
    fn complete(&mut self) -> Result<(), String> {
        let most = self.areas.len() + MAX_SHARED;
        let mut kinds = HashMap::new();
        let mut kind_of = |spot: &Spot<'t>| {
            let next = kinds.len();
            *kinds.entry(spot.rules()).or_insert(next)
        };
        let (mut kept, mut left_out) = (Atlas::default(), Atlas::default());
        for (number, spot) in self.left_out.iter().flatten().enumerate() {
            left_out.insert(&spot.area, kind_of(spot), number);
        }
        let mut number = 0;
        while let Some(spot) = self.kept.get(number) {
            let kind = kind_of(spot);
            let known = kept.across(&spot.area, kind).into_iter().filter_map(|other| self.kept.get(other));
            let mut shared: Vec<Area> = known.filter_map(|other| spot.shared_with(other)).collect();
            kept.insert(&spot.area, kind, number);
            let mut within = Vec::new();
            for other in left_out.across(&spot.area, kind) {
                let Some(other) = self.left_out.get_mut(other) else { continue };
                within.extend(other.take_if(|other| other.area.is_within(&spot.area) && other.differs_from(spot)));
                shared.extend(other.as_ref().and_then(|other| spot.shared_with(other)));
            }
            self.kept.append(&mut within);
            shared.into_iter().for_each(|area| self.add(area, SpotKind::Shared));
            number += 1;
            if self.areas.len() > most {
                return Err(format!("its paths overlap in more than {MAX_SHARED} ways"));
            }
        }
        Ok(())
    }
}
