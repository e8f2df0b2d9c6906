output "quiver_stores" {
  description = "URLs of the stores: by trust domain, by prefix."
  value       = module.quiver.quiver_stores
}

output "identities" {
  description = "The identities to give the jobs of each team, by resource id."
  value       = { for team, identity in azurerm_user_assigned_identity.job : team => identity.id }
}
