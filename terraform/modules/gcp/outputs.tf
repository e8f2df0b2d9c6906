locals {
  urls = {
    for domain, of in var.trust_domains : domain => {
      for prefix in of.prefixes : prefix => "gs://${google_storage_bucket.store.name}${prefix == "" ? "" : "/${prefix}"}"
    }
  }

  every_url = flatten([for urls in values(local.urls) : values(urls)])

  # What a caller attaches.
  roles = {
    for role, domains in local.grants : role => {
      for domain, grants in domains : domain => [for grant in grants : { prefix = grant.prefix, role = grant.role, condition = grant.condition }]
    }
  }
}

output "bucket" {
  description = "Name of the bucket."
  value       = google_storage_bucket.store.name
}

output "quiver_store" {
  description = "URL of the store, for QUIVER_STORE; null where there are several prefixes."
  value       = length(local.every_url) == 1 ? local.every_url[0] : null
}

output "quiver_stores" {
  description = "URLs of the stores, by trust domain and prefix."
  value       = local.urls
}

output "reader" {
  description = "What to grant on the bucket to who may read and list, by trust domain: of each prefix the custom role, and its IAM condition, which is null for the whole bucket."
  value       = local.roles.reader
}

output "writer" {
  description = "The same for who may save, too. Each prefix takes two roles, of which the second replaces calls, index and leases, and never values."
  value       = local.roles.writer
}

output "janitor" {
  description = "The same for who may fold, collect garbage and evict, too."
  value       = local.roles.janitor
}
