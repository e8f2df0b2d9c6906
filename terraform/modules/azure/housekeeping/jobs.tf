locals {
  jobs = {
    fold = { schedule = var.fold_schedule, arguments = ["fold"] }
    gc   = { schedule = var.gc_schedule, arguments = concat(["gc", "--yes"], var.max_age == null ? [] : ["--max-age", var.max_age]) }
  }
}

resource "azurerm_container_app_job" "this" {
  for_each = local.jobs

  name                         = "${var.name}-${each.key}"
  resource_group_name          = var.resource_group_name
  location                     = var.location
  container_app_environment_id = var.container_app_environment_id
  replica_timeout_in_seconds   = var.timeout_seconds
  tags                         = var.tags

  schedule_trigger_config {
    cron_expression          = each.value.schedule
    parallelism              = 1
    replica_completion_count = 1
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity.id]
  }

  dynamic "registry" {
    for_each = var.registry_server[*]
    content {
      server   = registry.value
      identity = var.identity.id
    }
  }

  template {
    container {
      name   = "quiver"
      image  = var.image
      args   = each.value.arguments
      cpu    = 0.5
      memory = "1Gi"

      env {
        name  = "QUIVER_STORE"
        value = var.quiver_store
      }

      env {
        name  = "AZURE_CLIENT_ID" # which of its identities a job asks for a token
        value = var.identity.client_id
      }

      volume_mounts { # gc sorts on disk
        name = "tmp"
        path = "/tmp"
      }
    }

    volume {
      name         = "tmp"
      storage_type = "EmptyDir"
    }
  }
}
