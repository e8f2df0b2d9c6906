# Who may do what, statement by statement.
mock_provider "azurerm" {
  mock_resource "azurerm_storage_account" {
    defaults = { id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acme" }
  }
}

override_resource {
  target = azurerm_storage_container.this["team"]
  values = { id = "container of team" }
}

override_resource {
  target = azurerm_storage_container.this["whole"]
  values = { id = "container of whole" }
}

override_resource {
  target = azurerm_role_definition.this["reader"]
  values = { role_definition_resource_id = "id of reader" }
}

override_resource {
  target = azurerm_role_definition.this["writer"]
  values = { role_definition_resource_id = "id of writer" }
}

override_resource {
  target = azurerm_role_definition.this["janitor"]
  values = { role_definition_resource_id = "id of janitor" }
}

override_resource {
  target = azurerm_role_definition.this["doctor"]
  values = { role_definition_resource_id = "id of doctor" }
}

variables {
  account_name        = "acme"
  resource_group_name = "g"
  location            = "westeurope"
  trust_domains = {
    whole = {
      readers  = ["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"]
      writers  = ["00000000-0000-0000-0000-000000000003"]
      janitors = ["00000000-0000-0000-0000-000000000004"]
    }
    team = {
      prefixes = ["a", "b/c"]
      readers  = ["00000000-0000-0000-0000-000000000001"]
      writers  = ["00000000-0000-0000-0000-000000000003"]
      janitors = ["00000000-0000-0000-0000-000000000004"]
    }
  }
}

run "roles" {
  command = apply

  assert {
    condition = { for role, definition in azurerm_role_definition.this : role => sort([for action in definition.permissions[0].data_actions :
      replace(action, "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/", "")
      ])
      } == {
      reader  = tolist(["read"])
      writer  = tolist(["add/action", "read", "write"])
      janitor = tolist(["add/action", "delete", "read", "write"])
      doctor  = tolist(["delete"])
    }
    error_message = "Each role has just its rights on blobs, and a writer has no delete."
  }

  assert {
    condition = alltrue([for definition in azurerm_role_definition.this : length(definition.permissions) == 1 && length(concat(
      definition.permissions[0].actions, definition.permissions[0].not_actions, tolist(definition.permissions[0].not_data_actions)
    )) == 0])
    error_message = "No role manages anything."
  }

  assert {
    condition = alltrue([for role, definition in azurerm_role_definition.this :
      definition.name == "quiver ${role} (acme)" && definition.scope == "/subscriptions/s/resourceGroups/g" && definition.assignable_scopes == tolist(["/subscriptions/s/resourceGroups/g"])
    ])
    error_message = "Roles are named for their account, and can be assigned in its resource group alone."
  }

  assert {
    condition = jsonencode({ for key, given in azurerm_role_assignment.this : key => [given.principal_id, given.scope, given.role_definition_id, given.condition_version] }) == jsonencode({
      "whole/reader/0/reader"   = ["00000000-0000-0000-0000-000000000001", "container of whole", "id of reader", null]
      "whole/reader/1/reader"   = ["00000000-0000-0000-0000-000000000002", "container of whole", "id of reader", null]
      "whole/writer/0/writer"   = ["00000000-0000-0000-0000-000000000003", "container of whole", "id of writer", null]
      "whole/writer/0/doctor"   = ["00000000-0000-0000-0000-000000000003", "container of whole", "id of doctor", "2.0"]
      "whole/janitor/0/janitor" = ["00000000-0000-0000-0000-000000000004", "container of whole", "id of janitor", null]
      "team/reader/0/reader"    = ["00000000-0000-0000-0000-000000000001", "container of team", "id of reader", "2.0"]
      "team/writer/0/writer"    = ["00000000-0000-0000-0000-000000000003", "container of team", "id of writer", "2.0"]
      "team/writer/0/doctor"    = ["00000000-0000-0000-0000-000000000003", "container of team", "id of doctor", "2.0"]
      "team/janitor/0/janitor"  = ["00000000-0000-0000-0000-000000000004", "container of team", "id of janitor", "2.0"]
    })
    error_message = "Everybody has his role on the container of his trust domain, and on no other."
  }

  assert {
    condition     = alltrue([for key in ["whole/reader/0/reader", "whole/writer/0/writer", "whole/janitor/0/janitor"] : azurerm_role_assignment.this[key].condition == null])
    error_message = "A store that is all of its container needs no condition."
  }

  assert {
    condition = azurerm_role_assignment.this["whole/writer/0/doctor"].condition == replace(
      "((!(ActionMatches{'BLOBS/delete'})) OR (@Resource[BLOBS:path] StringStartsWith 'quiver-doctor/'))",
      "BLOBS", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    )
    error_message = "A writer deletes where quiver doctor tries things, and nowhere else."
  }

  assert {
    condition = azurerm_role_assignment.this["team/writer/0/doctor"].condition == replace(
      "((!(ActionMatches{'BLOBS/delete'})) OR (@Resource[BLOBS:path] StringStartsWith 'a/quiver-doctor/' OR @Resource[BLOBS:path] StringStartsWith 'b/c/quiver-doctor/'))",
      "BLOBS", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    )
    error_message = "A writer of prefixes deletes in each one's quiver-doctor/, and nowhere else."
  }

  assert {
    condition = azurerm_role_assignment.this["team/reader/0/reader"].condition == replace(join("", [
      "((!(ActionMatches{'BLOBS/read'} AND SubOperationMatches{'Blob.List'}))",
      " OR (@Request[BLOBS:prefix] StringStartsWith 'a/' OR @Request[BLOBS:prefix] StringStartsWith 'b/c/'))",
      " AND ((!(ActionMatches{'BLOBS/read'} AND NOT SubOperationMatches{'Blob.List'}))",
      " OR (@Resource[BLOBS:path] StringStartsWith 'a/' OR @Resource[BLOBS:path] StringStartsWith 'b/c/'))",
    ]), "BLOBS", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs")
    error_message = "A reader of prefixes reads and lists below them."
  }

  assert {
    condition = azurerm_role_assignment.this["team/writer/0/writer"].condition == replace(join("", [
      "((!(ActionMatches{'BLOBS/read'} AND SubOperationMatches{'Blob.List'}))",
      " OR (@Request[BLOBS:prefix] StringStartsWith 'a/' OR @Request[BLOBS:prefix] StringStartsWith 'b/c/'))",
      " AND ((!(ActionMatches{'BLOBS/read'} AND NOT SubOperationMatches{'Blob.List'}) AND !(ActionMatches{'BLOBS/write'}) AND !(ActionMatches{'BLOBS/add/action'}))",
      " OR (@Resource[BLOBS:path] StringStartsWith 'a/' OR @Resource[BLOBS:path] StringStartsWith 'b/c/'))",
    ]), "BLOBS", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs")
    error_message = "A writer of prefixes reads, lists and writes below them."
  }

  assert {
    condition = azurerm_role_assignment.this["team/janitor/0/janitor"].condition == replace(join("", [
      "((!(ActionMatches{'BLOBS/read'} AND SubOperationMatches{'Blob.List'}))",
      " OR (@Request[BLOBS:prefix] StringStartsWith 'a/' OR @Request[BLOBS:prefix] StringStartsWith 'b/c/'))",
      " AND ((!(ActionMatches{'BLOBS/read'} AND NOT SubOperationMatches{'Blob.List'}) AND !(ActionMatches{'BLOBS/write'}) AND !(ActionMatches{'BLOBS/add/action'}) AND !(ActionMatches{'BLOBS/delete'}))",
      " OR (@Resource[BLOBS:path] StringStartsWith 'a/' OR @Resource[BLOBS:path] StringStartsWith 'b/c/'))",
    ]), "BLOBS", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs")
    error_message = "A janitor of prefixes reads, lists, writes and deletes below them."
  }

  assert {
    condition = alltrue([for role in ["reader", "writer", "janitor"] : jsonencode({ reader = output.reader, writer = output.writer, janitor = output.janitor }[role]) == jsonencode({
      for domain in ["team", "whole"] : domain => [for definition in role == "writer" ? ["writer", "doctor"] : [role] : {
        scope              = azurerm_role_assignment.this["${domain}/${role}/0/${definition}"].scope
        role_definition_id = azurerm_role_assignment.this["${domain}/${role}/0/${definition}"].role_definition_id
        condition          = azurerm_role_assignment.this["${domain}/${role}/0/${definition}"].condition
        condition_version  = azurerm_role_assignment.this["${domain}/${role}/0/${definition}"].condition_version
      }]
    })])
    error_message = "The outputs are what the module assigns itself."
  }

  assert {
    condition = output.quiver_store == null && jsonencode(output.quiver_stores) == jsonencode({
      whole = { "" = "azblob://quiver-whole?storage_account=acme" }
      team  = { a = "azblob://quiver-team/a?storage_account=acme", "b/c" = "azblob://quiver-team/b/c?storage_account=acme" }
    })
    error_message = "Each prefix is a store, and of several none is the one."
  }
}
