output "jobs" {
  description = "Names of the Cloud Run jobs, by what they do."
  value       = { for name, job in google_cloud_run_v2_job.job : name => job.name }
}

output "scheduler" {
  description = "Email address of the service account that starts the jobs."
  value       = google_service_account.scheduler.email
}
