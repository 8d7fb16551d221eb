//! From templates to routes: which spots a table of routes needs, so that no request gets in by a route for others.
//!
//! The gate gives a request to the most specific spot. That is right where one template is more specific than all
//! others that take the request. Where two are and neither holds the other, the document does not say which one it
//! means; what both take then is a spot of its own.

use std::collections::HashMap;

use super::area::Area;
use super::atlas::Atlas;
use super::remarks::{RemarkKind, Remarks};
use super::route::{ImportedRoute, together};
use super::site_template::SiteTemplate;
use super::spot::{Spot, SpotKind};

/// Paths can overlap in more ways than there are paths; past this no one could read the policy.
const MAX_SHARED: usize = 10_000;

/// Routes for templates.
///
/// # Errors
/// Says that the templates overlap in too many ways.
pub(super) fn settle(templates: &[SiteTemplate], remarks: &mut Remarks) -> Result<Vec<ImportedRoute>, String> {
    note_case(templates, remarks);
    let mut table = SpotTable::new(templates);
    table.add_shared()?;
    let mut spots: Vec<_> = table.spots.into_iter().zip(table.is_kept).filter(|(_, is_kept)| *is_kept).collect();
    spots.sort_by_key(|(spot, _)| spot.kind);
    Ok(together(spots.iter().flat_map(|(spot, _)| spot.routes(remarks)).collect()))
}

/// Notes which paths an origin that ignores case cannot tell apart. The gate takes each as it is written.
fn note_case(templates: &[SiteTemplate], remarks: &mut Remarks) {
    let mut first: HashMap<Area, &SiteTemplate> = HashMap::new();
    for template in templates.iter().filter(|template| template.left_out.is_none()) {
        let known = *first.entry(template.area.in_lower_case()).or_insert(template);
        let Some(other) = known.claims.first().filter(|_| known.area != template.area) else { continue };
        let message = format!(
            "differs from {} by the case of letters alone: an origin that ignores case reads both as one",
            other.pointer
        );
        template.claims.iter().for_each(|claim| remarks.add(RemarkKind::Noted, &message, &claim.pointer));
    }
}

/// All spots; no two of one area.
struct SpotTable<'t> {
    templates: &'t [SiteTemplate],
    atlas: Atlas,
    spots: Vec<Spot<'t>>,
    /// Whether there are routes for it. Where nothing is imported there are none, unless others would take its requests.
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

    /// Adds what spots have in common, where they differ; again and again, for what these have in common with others.
    fn add_shared(&mut self) -> Result<(), String> {
        let most = self.spots.len() + MAX_SHARED;
        let (mut atlas, mut kinds) = (Atlas::default(), HashMap::new());
        let mut number = 0;
        while let Some((area, asks)) = self.spots.get(number).map(|spot| (spot.area.clone(), spot.asks())) {
            let next = kinds.len();
            let kind = *kinds.entry(asks).or_insert(next);
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
