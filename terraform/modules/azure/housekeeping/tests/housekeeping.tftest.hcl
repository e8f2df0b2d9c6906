# The jobs that fold and collect garbage.
mock_provider "azurerm" {}

variables {
  resource_group_name          = "g"
  location                     = "westeurope"
  container_app_environment_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/managedEnvironments/jobs"
  quiver_store                 = "azblob://quiver-main/team?storage_account=acme"
  identity = {
    id        = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/janitor"
    client_id = "00000000-0000-0000-0000-00000000000c"
  }
  image = "registry.example/quiver:1.0"
}

run "two_jobs" {
  command = apply

  assert {
    condition = jsonencode({ for command, job in azurerm_container_app_job.this : command => [
      job.name, job.schedule_trigger_config[0].cron_expression, job.template[0].container[0].args
      ] }) == jsonencode({
      fold = ["quiver-fold", "*/15 * * * *", ["fold"]]
      gc   = ["quiver-gc", "30 4 * * 0", ["gc", "--yes"]]
    })
    error_message = "One folds every quarter of an hour, the other collects garbage once a week, and evicts nothing."
  }

  assert {
    condition = alltrue([for job in azurerm_container_app_job.this : (
      job.resource_group_name == "g" && job.location == "westeurope" && job.container_app_environment_id == var.container_app_environment_id &&
      job.replica_timeout_in_seconds == 3600 && length(job.tags) == 0 && length(job.registry) == 0
    )])
    error_message = "The jobs are where the caller says."
  }

  assert {
    condition     = alltrue([for job in azurerm_container_app_job.this : job.schedule_trigger_config[0].parallelism == 1 && job.schedule_trigger_config[0].replica_completion_count == 1])
    error_message = "One at a time is enough."
  }

  assert {
    condition     = alltrue([for job in azurerm_container_app_job.this : job.identity[0].type == "UserAssigned" && job.identity[0].identity_ids == toset([var.identity.id])])
    error_message = "The jobs run as the caller's identity."
  }

  assert {
    condition = alltrue([for job in azurerm_container_app_job.this : job.template[0].container[0].image == var.image && jsonencode({
      for variable in job.template[0].container[0].env : variable.name => variable.value
    }) == jsonencode({ AZURE_CLIENT_ID = var.identity.client_id, QUIVER_STORE = var.quiver_store })])
    error_message = "The image is told the store, and as whom it asks."
  }

  assert {
    condition = alltrue([for job in azurerm_container_app_job.this : (
      job.template[0].volume[0].storage_type == "EmptyDir" && job.template[0].volume[0].name == job.template[0].container[0].volume_mounts[0].name &&
      job.template[0].container[0].volume_mounts[0].path == "/tmp"
    )])
    error_message = "There is a folder for temporary files."
  }

  assert {
    condition     = jsonencode(output.jobs) == jsonencode({ fold = "quiver-fold", gc = "quiver-gc" })
    error_message = "The output names the jobs."
  }
}

run "as_the_caller_likes_them" {
  command = apply

  variables {
    name            = "quiver-team"
    registry_server = "registry.example"
    fold_schedule   = "7 * * * *"
    gc_schedule     = "0 2 * * *"
    max_age         = "180d"
    timeout_seconds = 7200
    tags            = { team = "research" }
  }

  assert {
    condition = jsonencode({ for command, job in azurerm_container_app_job.this : command => [
      job.name, job.schedule_trigger_config[0].cron_expression, job.template[0].container[0].args
      ] }) == jsonencode({
      fold = ["quiver-team-fold", "7 * * * *", ["fold"]]
      gc   = ["quiver-team-gc", "0 2 * * *", ["gc", "--yes", "--max-age", "180d"]]
    })
    error_message = "Names, schedules and the age of what is evicted are the caller's."
  }

  assert {
    condition = alltrue([for job in azurerm_container_app_job.this : (
      job.registry[*].server == tolist(["registry.example"]) && job.registry[*].identity == tolist([var.identity.id]) &&
      job.replica_timeout_in_seconds == 7200 && job.tags == tomap({ team = "research" })
    )])
    error_message = "The identity pulls the image, and time and tags are the caller's."
  }
}

run "refusals" {
  command = plan

  variables {
    name                         = "Quiver"
    resource_group_name          = "g."
    location                     = ""
    container_app_environment_id = "jobs"
    quiver_store                 = "s3://quiver-main?storage_account=acme"
    identity                     = { id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/janitor", client_id = "janitor" }
    image                        = "registry.example/quiver"
    registry_server              = "https://registry.example"
    fold_schedule                = "hourly"
    gc_schedule                  = "0 0 2 * * *"
    max_age                      = "half a year"
    timeout_seconds              = 59
    tags                         = { "a/b" = "c" }
  }

  expect_failures = [
    var.name, var.resource_group_name, var.location, var.container_app_environment_id, var.quiver_store, var.identity, var.image, var.registry_server,
    var.fold_schedule, var.gc_schedule, var.max_age, var.timeout_seconds, var.tags,
  ]
}

run "an_identity_by_its_name" {
  command = plan

  variables {
    name     = "a-name-of-28-characters-long"
    identity = { id = "janitor", client_id = "00000000-0000-0000-0000-00000000000c" }
  }

  expect_failures = [var.name, var.identity]
}
