resource "google_cloud_scheduler_job" "job" {
  for_each = local.jobs

  project   = var.project
  region    = var.location
  name      = google_cloud_run_v2_job.job[each.key].name
  schedule  = each.value.schedule
  time_zone = var.time_zone

  # One that starts a job twice does no harm: folds and collections may run beside each other.
  retry_config {
    retry_count = 1
  }

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${var.project}/locations/${var.location}/jobs/${google_cloud_run_v2_job.job[each.key].name}:run"

    oauth_token {
      service_account_email = google_service_account.scheduler.email
    }
  }

  depends_on = [google_project_iam_member.scheduler]
}

# The account that starts the jobs has no right on the store, and the one that the jobs run as none to start any.
resource "google_service_account" "scheduler" {
  project      = var.project
  account_id   = "${var.name}-scheduler"
  display_name = "Starts Quiver's jobs ${var.name}-fold and ${var.name}-gc"
}

# Cloud Run takes no IAM condition on a job's name, so this account may start each job of the project. It may do nothing else: with roles/run.invoker it could call services, too.
resource "google_project_iam_custom_role" "scheduler" {
  project     = var.project
  role_id     = "${replace(var.name, "-", "_")}_scheduler"
  title       = "Quiver scheduler"
  description = "Starts jobs of Cloud Run."
  permissions = ["run.jobs.run"]
}

resource "google_project_iam_member" "scheduler" {
  project = var.project
  role    = google_project_iam_custom_role.scheduler.name
  member  = "serviceAccount:${google_service_account.scheduler.email}"
}
