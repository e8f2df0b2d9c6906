locals {
  role_prefix = coalesce(var.role_prefix, "quiver_${substr(replace(var.bucket, "-", "_"), 0, 48)}")

  # What the custom roles permit. Replacing an object takes the right to delete it, which is a role by itself since a writer has it on some names only.
  permissions = {
    reader   = ["storage.objects.get", "storage.objects.list"]
    writer   = ["storage.objects.create", "storage.objects.get", "storage.objects.list"]
    replacer = ["storage.objects.delete"]
    janitor  = ["storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list"]
  }

  # The custom roles that each of Quiver's roles is made of.
  parts = {
    reader  = ["reader"]
    writer  = ["writer", "replacer"]
    janitor = ["janitor"]
  }

  # Below a store's prefix, the folders whose objects a writer replaces, and the one in which quiver doctor tries what a role may do. Values are not among them.
  replaced = ["calls/", "index/", "leases/", "quiver-doctor/"]

  # What IAM conditions call the objects of a store, by domain and prefix.
  names = {
    for domain, of in var.trust_domains : domain => {
      for prefix in of.prefixes : prefix => "projects/_/buckets/${var.bucket}/objects/${prefix == "" ? "" : "${prefix}/"}"
    }
  }

  # A binding for each prefix keeps conditions small: IAM takes 12 logical operators in one.
  #
  # Listing is a right on the bucket, not on an object, and without it a missing object is answered with 403. It is the only permission of these roles that a bucket is asked for.
  conditions = {
    for domain, prefixes in local.names : domain => {
      for prefix, name in prefixes : prefix => {
        within = prefix == "" ? null : {
          title      = "quiver ${domain}"
          expression = "resource.type == \"storage.googleapis.com/Bucket\" || resource.name.startsWith(\"${name}\")"
        }
        replaced = {
          title      = "quiver ${domain} replaced"
          expression = join(" || ", [for folder in local.replaced : "resource.name.startsWith(\"${name}${folder}\")"])
        }
      }
    }
  }

  # What a member of a role is given, by role and domain.
  grants = {
    for role, parts in local.parts : role => {
      for domain, prefixes in local.conditions : domain => flatten([
        for prefix, conditions in prefixes : [
          for part in parts : {
            prefix    = prefix
            part      = part
            role      = google_project_iam_custom_role.role[part].name
            condition = part == "replacer" ? conditions.replaced : conditions.within
          }
        ]
      ])
    }
  }

  # The names of the members are not part of a key: they may be known only after they are made.
  bindings = merge(flatten([
    for role, domains in local.grants : [
      for domain, grants in domains : [
        for grant in grants : { "${domain}/${role}/${grant.part}/${grant.prefix}" = merge(grant, { members = var.trust_domains[domain]["${role}s"] }) }
        if length(var.trust_domains[domain]["${role}s"]) > 0
      ]
    ]
  ])...)
}

resource "google_project_iam_custom_role" "role" {
  for_each = local.permissions

  project     = var.project
  role_id     = "${local.role_prefix}_${each.key}"
  title       = "Quiver ${each.key}"
  description = "${title(each.key)} of the Quiver store in gs://${var.bucket}."
  permissions = each.value
}

# The roles are this bucket's own, so the module has the last word on who has them.
resource "google_storage_bucket_iam_binding" "role" {
  for_each = local.bindings

  bucket  = google_storage_bucket.store.name
  role    = each.value.role
  members = each.value.members

  dynamic "condition" {
    for_each = each.value.condition == null ? [] : [each.value.condition]
    content {
      title      = condition.value.title
      expression = condition.value.expression
    }
  }
}
