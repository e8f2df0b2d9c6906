# The examples, applied as a user would.
mock_provider "azurerm" {
  mock_resource "azurerm_storage_account" {
    defaults = { id = "/subscriptions/s/resourceGroups/acme/providers/Microsoft.Storage/storageAccounts/acme" }
  }

  mock_resource "azurerm_user_assigned_identity" {
    defaults = {
      id           = "/subscriptions/s/resourceGroups/acme/providers/Microsoft.ManagedIdentity/userAssignedIdentities/job"
      client_id    = "00000000-0000-0000-0000-00000000000c"
      principal_id = "00000000-0000-0000-0000-000000000001"
    }
  }
}

variables {
  subscription_id = "00000000-0000-0000-0000-000000000000"
  location        = "westeurope"
  account_name    = "acme"
}

run "minimal" {
  command = apply

  module {
    source = "./examples/minimal"
  }

  variables {
    resource_group_name = "acme"
    writers             = ["00000000-0000-0000-0000-000000000003"]
  }

  assert {
    condition     = output.quiver_store == "azblob://quiver-main?storage_account=acme" && length(output.writer) == 2
    error_message = "The minimal example makes one store."
  }
}

run "complete" {
  command = apply

  module {
    source = "./examples/complete"
  }

  variables {
    kms_key = {
      key_vault_key_id          = "https://vault.vault.azure.net/keys/quiver"
      user_assigned_identity_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/key"
    }
    network_rules                = { ip_rules = ["203.0.113.0/24"], subnet_ids = [] }
    log_analytics_workspace_id   = "/subscriptions/s/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/logs"
    analyst                      = "00000000-0000-0000-0000-000000000002"
    container_app_environment_id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/managedEnvironments/jobs"
    image                        = "registry.example/quiver:1.0"
  }

  assert {
    condition = jsonencode(output.quiver_stores) == jsonencode({
      research = { models = "azblob://quiver-research/models?storage_account=acme", "papers/2026" = "azblob://quiver-research/papers/2026?storage_account=acme" }
      serving  = { "" = "azblob://quiver-serving?storage_account=acme" }
    })
    error_message = "The complete example makes three stores of two teams."
  }
}
