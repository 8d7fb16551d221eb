//! Converts templates to routes: finds the spots that need a route, so that no request is allowed by a route for
//! others.
//!
//! The gate uses the most specific route for a request. That is right if one template is more specific than all others
//! that match the request. If two overlap and neither contains the other, the document does not say which one applies;
//! their intersection is then a spot of its own.

use std::collections::HashMap;

use super::area::Area;
use super::atlas::Atlas;
use super::remarks::{RemarkKind, Remarks};
use super::route::{ImportedRoute, together};
use super::site_template::SiteTemplate;
use super::spot::{Spot, SpotKind};

/// The maximum number of intersections. There can be more than paths, and a policy with more would be unreadable.
const MAX_SHARED: usize = 10_000;

/// Converts templates to routes.
///
/// # Errors
/// The templates overlap in too many ways.
pub(super) fn settle(templates: &[SiteTemplate], remarks: &mut Remarks) -> Result<Vec<ImportedRoute>, String> {
    note_case(templates, remarks);
    let mut table = SpotTable::new(templates);
    table.add_shared()?;
    let mut spots: Vec<_> = table.spots.into_iter().zip(table.is_kept).filter(|(_, is_kept)| *is_kept).collect();
    spots.sort_by_key(|(spot, _)| spot.kind);
    Ok(together(spots.iter().flat_map(|(spot, _)| spot.routes(remarks)).collect()))
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
    spots: Vec<Spot<'t>>,
    /// Whether a spot has routes. One where nothing is imported has none, unless other routes would take its requests.
    is_kept: Vec<bool>,
    by_area: HashMap<Area, usize>,
}

impl<'t> SpotTable<'t> {
    fn new(templates: &'t [SiteTemplate]) -> Self {
        let mut atlas = Atlas::default();
        templates.iter().enumerate().for_each(|(number, template)| atlas.insert(&template.area, 0, number));
        let (spots, is_kept, by_area) = (Vec::new(), Vec::new(), HashMap::new());
        let mut table = Self { templates, atlas, spots, is_kept, by_area };
        templates.iter().for_each(|template| table.add(template.area.cover(), false));
        table
    }

    fn add(&mut self, area: Area, is_shared: bool) {
        if self.by_area.contains_key(&area) {
            return;
        }
        let over = self.atlas.over(&area).into_iter().filter_map(|number| self.templates.get(number));
        let spot = Spot::new(area.clone(), over.collect(), is_shared);
        self.by_area.insert(area, self.spots.len());
        self.is_kept.push(spot.kind != SpotKind::LeftOut);
        self.spots.push(spot);
    }

    /// Adds the intersections of spots that differ, repeatedly, since these intersect others in turn.
    fn add_shared(&mut self) -> Result<(), String> {
        let most = self.spots.len() + MAX_SHARED;
        let (mut atlas, mut kinds) = (Atlas::default(), HashMap::new());
        let mut number = 0;
        while let Some((area, rules)) = self.spots.get(number).map(|spot| (spot.area.clone(), spot.rules())) {
            let next = kinds.len();
            let kind = *kinds.entry(rules).or_insert(next);
            for other in atlas.across(&area, kind) {
                self.compare(number, other);
            }
            atlas.insert(&area, kind, number);
            number += 1;
            if self.spots.len() > most {
                return Err(format!("its paths overlap in more than {MAX_SHARED} ways"));
            }
        }
        Ok(())
    }

    fn compare(&mut self, one: usize, other: usize) {
        let (Some(a), Some(b)) = (self.spots.get(one), self.spots.get(other)) else { return };
        let (inner, outer) = match (a.area.is_within(&b.area), b.area.is_within(&a.area)) {
            (true, _) => ((one, a), b),
            (_, true) => ((other, b), a),
            (false, false) if a.kind == SpotKind::LeftOut && b.kind == SpotKind::LeftOut => return,
            (false, false) if a.differs_from(b) => return self.add(a.area.meet(&b.area), true),
            (false, false) => return,
        };
        let (number, spot) = inner;
        let is_needed = spot.kind == SpotKind::LeftOut && outer.kind != SpotKind::LeftOut && spot.differs_from(outer);
        if let Some(is_kept) = self.is_kept.get_mut(number) {
            *is_kept |= is_needed;
        }
    }
}
