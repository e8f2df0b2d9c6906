output "quiver_stores" {
  description = "What to set QUIVER_STORE to, by trust domain and prefix."
  value       = module.quiver.quiver_stores
}

output "jobs" {
  description = "Cloud Run jobs that fold and collect garbage."
  value       = { for name, housekeeping in module.housekeeping : name => housekeeping.jobs }
}
