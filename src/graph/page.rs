//! Collections: pages, and the links from one to the next.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::error::shape;
use super::service::{Call, Service};
use crate::tenant::{TenantError, TenantErrorKind};

/// More pages than any collection has; a service that gives more has lost its way.
const MOST_PAGES: usize = 10_000;

/// What was read of a collection.
#[derive(Debug, Default)]
pub(super) struct Collection {
    /// The entries, in the service's order.
    pub(super) entries: Vec<Value>,
    /// The service's clock at the first page.
    pub(super) date: Option<Timestamp>,
    /// Why the rest is missing, if it is.
    pub(super) broken: Option<TenantError>,
}

impl Collection {
    /// The collection, if all of it was read.
    pub(super) fn complete(self) -> Result<Self, TenantError> {
        match self.broken {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

impl Service {
    /// Reads every page of a collection; from the beginning once more when a link has expired.
    pub(super) async fn collection(&self, path_and_query: &str) -> Collection {
        let collection = self.pages(path_and_query).await;
        match &collection.broken {
            Some(error) if error.kind == TenantErrorKind::ExpiredPage => {
                self.pages(path_and_query).await
            }
            _ => collection,
        }
    }

    async fn pages(&self, path_and_query: &str) -> Collection {
        let mut collection = Collection::default();
        match self.get(path_and_query) {
            Ok(call) => self.follow(&mut collection, Some(call)).await,
            Err(error) => collection.broken = Some(error),
        }
        collection
    }

    /// Reads the pages after a first one that came in a batch.
    pub(super) async fn rest(&self, first: &Value) -> Collection {
        let mut collection = Collection::default();
        match self.take_page(&mut collection, first) {
            Ok(next) => self.follow(&mut collection, next).await,
            Err(error) => collection.broken = Some(error),
        }
        collection
    }

    async fn follow(&self, collection: &mut Collection, mut next: Option<Call>) {
        let mut seen = BTreeSet::new();
        while let Some(call) = next {
            let result = if !seen.insert(call.url.to_string()) {
                Err(shape("a page links back to one that was read already"))
            } else if seen.len() > MOST_PAGES {
                Err(shape("the pages do not end"))
            } else {
                match self.read_json(&call).await {
                    Ok((reply, page)) => {
                        if seen.len() == 1 && collection.date.is_none() {
                            collection.date = reply.date();
                        }
                        self.take_page(collection, &page)
                    }
                    Err(error) => Err(error),
                }
            };
            next = match result {
                Ok(next) => next,
                Err(error) => {
                    collection.broken = Some(error);
                    None
                }
            };
        }
    }

    /// Takes the entries of a page and returns the call of the next one.
    fn take_page(
        &self,
        collection: &mut Collection,
        page: &Value,
    ) -> Result<Option<Call>, TenantError> {
        let entries = page
            .get("value")
            .and_then(Value::as_array)
            .ok_or_else(|| shape("a page without `value`"))?;
        collection.entries.extend(entries.iter().cloned());
        match page.get("@odata.nextLink") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(link)) => {
                let url = self.endpoints.link(link)?;
                Ok(Some(Call::new(reqwest::Method::GET, url, None)))
            }
            Some(_) => Err(shape("an `@odata.nextLink` that is no text")),
        }
    }
}
