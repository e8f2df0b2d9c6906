mock_provider "google" {}

variables {
  project         = "acme-data"
  location        = "europe-west3"
  quiver_store    = "gs://acme-quiver/research"
  image           = "europe-west3-docker.pkg.dev/acme-data/tools/quiver:1"
  service_account = "janitor@acme-data.iam.gserviceaccount.com"
}

run "defaults" {
  command = apply

  assert {
    condition = jsonencode({
      for name, job in google_cloud_run_v2_job.job : name => [job.project, job.location, job.name, job.template[0].template[0].containers[0].args]
      }) == jsonencode({
      fold = ["acme-data", "europe-west3", "quiver-fold", ["fold"]]
      gc   = ["acme-data", "europe-west3", "quiver-gc", ["gc", "--yes"]]
    })
    error_message = "The jobs do something else, or elsewhere."
  }

  assert {
    condition = alltrue([for job in google_cloud_run_v2_job.job : alltrue([for container in job.template[0].template[0].containers :
      container.image == "europe-west3-docker.pkg.dev/acme-data/tools/quiver:1" && container.command == null &&
      jsonencode([for env in container.env : { (env.name) = env.value }]) == jsonencode([{ QUIVER_STORE = "gs://acme-quiver/research" }]) &&
      jsonencode(container.resources[0].limits) == jsonencode({ cpu = "1", memory = "1Gi" })
    ]) && length(job.template[0].template[0].containers) == 1])
    error_message = "The jobs run another image, on another store, or without the memory."
  }

  assert {
    condition = alltrue([for job in google_cloud_run_v2_job.job :
      [for mount in job.template[0].template[0].containers[0].volume_mounts : [mount.name, mount.mount_path]] == [["tmp", "/tmp"]] &&
      [for volume in job.template[0].template[0].volumes : [volume.name, volume.empty_dir[0].medium]] == [["tmp", "MEMORY"]]
    ])
    error_message = "The jobs have no folder for temporary files."
  }

  assert {
    condition     = alltrue([for job in google_cloud_run_v2_job.job : job.template[0].template[0].service_account == "janitor@acme-data.iam.gserviceaccount.com"])
    error_message = "The jobs do not run as the janitor."
  }

  assert {
    condition = alltrue([for job in google_cloud_run_v2_job.job :
      job.template[0].task_count == 1 && job.template[0].parallelism == 1 && job.template[0].template[0].max_retries == 1 && job.template[0].template[0].timeout == "3600s"
    ])
    error_message = "A run has several tasks, or is repeated or kept up too long."
  }

  assert {
    condition     = alltrue([for job in google_cloud_run_v2_job.job : job.deletion_protection == false && length(job.labels) == 0])
    error_message = "terraform destroy would fail, or there are labels that nobody gave."
  }

  assert {
    condition = jsonencode({
      for name, job in google_cloud_scheduler_job.job : name => [job.project, job.region, job.schedule, job.time_zone, job.http_target[0].http_method, job.http_target[0].uri]
      }) == jsonencode({
      fold = ["acme-data", "europe-west3", "*/15 * * * *", "Etc/UTC", "POST", "https://run.googleapis.com/v2/projects/acme-data/locations/europe-west3/jobs/quiver-fold:run"]
      gc   = ["acme-data", "europe-west3", "30 4 * * 0", "Etc/UTC", "POST", "https://run.googleapis.com/v2/projects/acme-data/locations/europe-west3/jobs/quiver-gc:run"]
    })
    error_message = "The schedules start something else, or at another time."
  }

  assert {
    condition = alltrue([for job in google_cloud_scheduler_job.job :
      [for token in job.http_target[0].oauth_token : token.service_account_email] == [google_service_account.scheduler.email] &&
      length(job.http_target[0].oidc_token) == 0 && [for retry in job.retry_config : retry.retry_count] == [1]
    ])
    error_message = "The schedules start the jobs as somebody else, or too often."
  }

  assert {
    condition = (
      google_service_account.scheduler.account_id == "quiver-scheduler" && google_service_account.scheduler.project == "acme-data" &&
      google_project_iam_custom_role.scheduler.role_id == "quiver_scheduler" && google_project_iam_custom_role.scheduler.project == "acme-data" &&
      google_project_iam_custom_role.scheduler.permissions == toset(["run.jobs.run"]) &&
      google_project_iam_member.scheduler.project == "acme-data" && google_project_iam_member.scheduler.role == google_project_iam_custom_role.scheduler.name &&
      google_project_iam_member.scheduler.member == "serviceAccount:${google_service_account.scheduler.email}"
    )
    error_message = "The account of the schedules may do more than start jobs, or may not start them."
  }

  assert {
    condition     = jsonencode(output.jobs) == jsonencode({ fold = "quiver-fold", gc = "quiver-gc" }) && output.scheduler == google_service_account.scheduler.email
    error_message = "The outputs name others."
  }
}

run "everything_else" {
  command = apply

  variables {
    name            = "q-research"
    quiver_store    = "gs://acme-quiver?user_project=acme-data"
    image           = "europe-west3-docker.pkg.dev/acme-data/tools/quiver@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    fold_schedule   = "0 * * * *"
    gc_schedule     = "0 3 * * *"
    max_age         = "26w"
    time_zone       = "Europe/Berlin"
    timeout_seconds = 600
    memory          = "4Gi"
    labels          = { team = "data" }
  }

  assert {
    condition = jsonencode({
      for name, job in google_cloud_run_v2_job.job : name => [
        job.name, job.labels, job.template[0].template[0].timeout, [for container in job.template[0].template[0].containers : [container.args, container.resources[0].limits.memory]]
      ]
      }) == jsonencode({
      fold = ["q-research-fold", { team = "data" }, "600s", [[["fold"], "4Gi"]]]
      gc   = ["q-research-gc", { team = "data" }, "600s", [[["gc", "--yes", "--max-age=26w"], "4Gi"]]]
    })
    error_message = "A setting of the jobs is ignored."
  }

  assert {
    condition = jsonencode({ for name, job in google_cloud_scheduler_job.job : name => [job.name, job.schedule, job.time_zone] }) == jsonencode({
      fold = ["q-research-fold", "0 * * * *", "Europe/Berlin"]
      gc   = ["q-research-gc", "0 3 * * *", "Europe/Berlin"]
    })
    error_message = "A setting of the schedules is ignored."
  }

  assert {
    condition     = google_service_account.scheduler.account_id == "q-research-scheduler" && google_project_iam_custom_role.scheduler.role_id == "q_research_scheduler"
    error_message = "The accounts of two stores have one name."
  }
}

run "wrong_values" {
  command = plan

  variables {
    project         = "1234567890"
    location        = "EU"
    name            = "a-name-of-more-than-20-characters"
    quiver_store    = "s3://acme-quiver"
    image           = "quiver"
    service_account = "serviceAccount:janitor@acme-data.iam.gserviceaccount.com"
    fold_schedule   = "hourly"
    gc_schedule     = "0 3 * *"
    max_age         = "180"
    time_zone       = "UTC+1 hour"
    timeout_seconds = 59
    memory          = "1G"
    labels          = { Team = "data" }
  }

  expect_failures = [
    var.project, var.location, var.name, var.quiver_store, var.image, var.service_account,
    var.fold_schedule, var.gc_schedule, var.max_age, var.time_zone, var.timeout_seconds, var.memory, var.labels,
  ]
}
