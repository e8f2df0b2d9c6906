output "jobs" {
  description = "Names of the jobs, by the command that they run: az containerapp job start runs one at once."
  value       = { for command, job in azurerm_container_app_job.this : command => job.name }
}
