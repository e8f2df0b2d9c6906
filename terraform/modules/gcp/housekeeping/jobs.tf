locals {
  jobs = {
    fold = { args = ["fold"], schedule = var.fold_schedule }
    gc   = { args = concat(["gc", "--yes"], var.max_age == null ? [] : ["--max-age=${var.max_age}"]), schedule = var.gc_schedule }
  }
}

resource "google_cloud_run_v2_job" "job" {
  for_each = local.jobs

  project  = var.project
  location = var.location
  name     = "${var.name}-${each.key}"
  labels   = var.labels

  # A job keeps nothing that would be lost with it.
  deletion_protection = false

  template {
    task_count  = 1
    parallelism = 1

    template {
      service_account = var.service_account
      timeout         = "${var.timeout_seconds}s"
      max_retries     = 1 # the next run does what this one did not

      containers {
        image = var.image
        args  = each.value.args

        env {
          name  = "QUIVER_STORE"
          value = var.quiver_store
        }

        resources {
          limits = { cpu = "1", memory = var.memory }
        }

        volume_mounts {
          name       = "tmp"
          mount_path = "/tmp"
        }
      }

      # The image is empty but for quiver, and gc sorts in temporary files.
      volumes {
        name = "tmp"
        empty_dir {
          medium = "MEMORY"
        }
      }
    }
  }
}
