locals {
  blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"

  # The custom roles: rights on blobs and nothing else. Listing is read.
  rights = {
    reader  = ["read"]
    writer  = ["read", "write", "add/action"]
    janitor = ["read", "write", "add/action", "delete"]
    doctor  = ["delete"]
  }

  # What each of Quiver's roles is made of. A writer deletes where quiver doctor tries things, and nowhere else: that is a custom role of its own,
  # so that the writer's has no delete whatever its condition.
  roles = {
    reader  = ["reader"]
    writer  = ["writer", "doctor"]
    janitor = ["janitor"]
  }

  # What the names of blobs must begin with, by trust domain and definition; nothing where all of the container may be used.
  beginnings = { for domain, given in var.trust_domains : domain => { for definition in keys(local.rights) : definition => [
    for prefix in given.prefixes : "${prefix == "" ? "" : "${prefix}/"}${definition == "doctor" ? "quiver-doctor/" : ""}"
    if definition == "doctor" || !contains(given.prefixes, "")
  ] } }

  # The requests that a condition is about. A listing has no blob's name, and its prefix is looked at instead.
  listing = "ActionMatches{'${local.blobs}/read'} AND SubOperationMatches{'Blob.List'}"
  request = { for right in distinct(flatten(values(local.rights))) : right =>
    "ActionMatches{'${local.blobs}/${right}'}${right == "read" ? " AND NOT SubOperationMatches{'Blob.List'}" : ""}"
  }

  # Each sentence of a condition: it is another request, or one within the beginnings.
  conditions = { for domain, definitions in local.beginnings : domain => { for definition, beginnings in definitions : definition =>
    length(beginnings) == 0 ? null : join(" AND ", compact([
      !contains(local.rights[definition], "read") ? "" : format("((!(%s)) OR (%s))",
        local.listing,
        join(" OR ", [for beginning in beginnings : "@Request[${local.blobs}:prefix] StringStartsWith '${beginning}'"]),
      ),
      format("((%s) OR (%s))",
        join(" AND ", [for right in local.rights[definition] : "!(${local.request[right]})"]),
        join(" OR ", [for beginning in beginnings : "@Resource[${local.blobs}:path] StringStartsWith '${beginning}'"]),
      ),
  ])) } }

  # What a caller attaches, or the module for him: assignments without their principal, by role and trust domain.
  grants = { for role, definitions in local.roles : role => { for domain in keys(var.trust_domains) : domain => [for definition in definitions : {
    scope              = azurerm_storage_container.this[domain].id
    role_definition_id = azurerm_role_definition.this[definition].role_definition_resource_id
    condition          = local.conditions[domain][definition]
    condition_version  = local.conditions[domain][definition] == null ? null : "2.0"
  }] } }

  # By number, since a principal that is made in the same run has no id yet.
  assignments = merge(flatten([for domain, given in var.trust_domains : [for role, definitions in local.roles : [
    for i, principal in given["${role}s"] : {
      for j, definition in definitions : "${domain}/${role}/${i}/${definition}" => merge(local.grants[role][domain][j], { principal_id = principal })
    }
  ]]])...)
}

resource "azurerm_role_definition" "this" {
  for_each = local.rights

  name              = "${var.name} ${each.key} (${local.account})" # unlike any other in the tenant
  scope             = local.group_id
  assignable_scopes = [local.group_id]
  description = {
    reader  = "Reads and lists the objects of a Quiver store."
    writer  = "Reads, lists, creates and replaces the objects of a Quiver store."
    janitor = "Reads, lists, creates, replaces and deletes the objects of a Quiver store: fold, gc, evict."
    doctor  = "Deletes what quiver doctor wrote; part of the writer's role, and of use under its condition alone."
  }[each.key]

  permissions {
    actions          = []
    not_actions      = []
    data_actions     = [for right in each.value : "${local.blobs}/${right}"]
    not_data_actions = []
  }
}

resource "azurerm_role_assignment" "this" {
  for_each = local.assignments

  scope              = each.value.scope
  role_definition_id = each.value.role_definition_id
  principal_id       = each.value.principal_id
  condition          = each.value.condition
  condition_version  = each.value.condition_version
}
