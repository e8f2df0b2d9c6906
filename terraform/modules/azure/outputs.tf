locals {
  stores = { for domain, given in var.trust_domains : domain => {
    for prefix in given.prefixes : prefix => "azblob://${azurerm_storage_container.this[domain].name}${prefix == "" ? "" : "/${prefix}"}?storage_account=${local.account}"
  } }
  urls = flatten([for stores in values(local.stores) : values(stores)])
}

output "quiver_store" {
  description = "URL of the store, for QUIVER_STORE; null where there are several."
  value       = length(local.urls) == 1 ? local.urls[0] : null
}

output "quiver_stores" {
  description = "URLs of the stores: by trust domain, by prefix."
  value       = local.stores
}

output "account" {
  description = "Name of the storage account."
  value       = local.account
}

output "storage_account_id" {
  description = "Id of the storage account, for locks, private endpoints and diagnostics of your own."
  value       = local.account_id
}

output "containers" {
  description = "Names of the containers, by trust domain."
  value       = { for domain, container in azurerm_storage_container.this : domain => container.name }
}

output "reader" {
  description = "What to assign to who may read and list, by trust domain: scope, role_definition_id, condition and condition_version, which are null for a whole container."
  value       = local.grants.reader
}

output "writer" {
  description = "The same for who may save, too: two assignments, of which the second deletes what quiver doctor wrote, and is of use with its condition alone."
  value       = local.grants.writer
}

output "janitor" {
  description = "The same for who may fold, collect garbage and evict, too."
  value       = local.grants.janitor
}
