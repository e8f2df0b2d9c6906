mock_provider "google" {}

variables {
  project  = "acme-data"
  bucket   = "acme-quiver"
  location = "europe-west3"
}

run "a_domain_of_the_whole_bucket" {
  command = apply

  variables {
    trust_domains = {
      main = {
        readers  = ["group:analysts@acme.example"]
        writers  = ["serviceAccount:train@acme-data.iam.gserviceaccount.com", "serviceAccount:score@acme-data.iam.gserviceaccount.com"]
        janitors = ["serviceAccount:janitor@acme-data.iam.gserviceaccount.com"]
      }
    }
  }

  assert {
    condition = jsonencode({ for name, role in google_project_iam_custom_role.role : name => sort(role.permissions) }) == jsonencode({
      janitor  = ["storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list"]
      reader   = ["storage.objects.get", "storage.objects.list"]
      replacer = ["storage.objects.delete"]
      writer   = ["storage.objects.create", "storage.objects.get", "storage.objects.list"]
    })
    error_message = "The custom roles permit something else: ${jsonencode({ for name, role in google_project_iam_custom_role.role : name => role.permissions })}"
  }

  assert {
    condition = jsonencode({ for name, role in google_project_iam_custom_role.role : name => [role.project, role.role_id] }) == jsonencode({
      janitor  = ["acme-data", "quiver_acme_quiver_janitor"]
      reader   = ["acme-data", "quiver_acme_quiver_reader"]
      replacer = ["acme-data", "quiver_acme_quiver_replacer"]
      writer   = ["acme-data", "quiver_acme_quiver_writer"]
    })
    error_message = "The custom roles have other ids, or are in another project."
  }

  assert {
    condition = jsonencode({
      for name, binding in google_storage_bucket_iam_binding.role : name => [
        binding.bucket, binding.role, sort(binding.members), [for condition in binding.condition : condition.expression]
      ]
      }) == jsonencode({
      "main/janitor/janitor/" = ["acme-quiver", google_project_iam_custom_role.role["janitor"].name, ["serviceAccount:janitor@acme-data.iam.gserviceaccount.com"], []]
      "main/reader/reader/"   = ["acme-quiver", google_project_iam_custom_role.role["reader"].name, ["group:analysts@acme.example"], []]
      "main/writer/replacer/" = ["acme-quiver", google_project_iam_custom_role.role["replacer"].name, [
        "serviceAccount:score@acme-data.iam.gserviceaccount.com", "serviceAccount:train@acme-data.iam.gserviceaccount.com"
        ], [join(" || ", [
          "resource.name.startsWith(\"projects/_/buckets/acme-quiver/objects/calls/\")",
          "resource.name.startsWith(\"projects/_/buckets/acme-quiver/objects/index/\")",
          "resource.name.startsWith(\"projects/_/buckets/acme-quiver/objects/leases/\")",
          "resource.name.startsWith(\"projects/_/buckets/acme-quiver/objects/quiver-doctor/\")",
      ])]]
      "main/writer/writer/" = ["acme-quiver", google_project_iam_custom_role.role["writer"].name, [
        "serviceAccount:score@acme-data.iam.gserviceaccount.com", "serviceAccount:train@acme-data.iam.gserviceaccount.com"
      ], []]
    })
    error_message = "Somebody has other rights: ${jsonencode(google_storage_bucket_iam_binding.role)}"
  }
}

run "domains_of_several_prefixes" {
  command = apply

  variables {
    role_prefix = "memo"
    trust_domains = {
      research = {
        prefixes = ["research", "shared/models"]
        readers  = ["user:reader@acme.example"]
        writers  = ["user:writer@acme.example"]
        janitors = ["user:janitor@acme.example"]
      }
      sales = { prefixes = ["sales"] }
    }
  }

  assert {
    condition = jsonencode({ for name, binding in google_storage_bucket_iam_binding.role : name => [binding.bucket, binding.role, sort(binding.members)] }) == jsonencode({
      for name, given in {
        "research/janitor/janitor/research"      = ["janitor", "user:janitor@acme.example"]
        "research/janitor/janitor/shared/models" = ["janitor", "user:janitor@acme.example"]
        "research/reader/reader/research"        = ["reader", "user:reader@acme.example"]
        "research/reader/reader/shared/models"   = ["reader", "user:reader@acme.example"]
        "research/writer/replacer/research"      = ["replacer", "user:writer@acme.example"]
        "research/writer/replacer/shared/models" = ["replacer", "user:writer@acme.example"]
        "research/writer/writer/research"        = ["writer", "user:writer@acme.example"]
        "research/writer/writer/shared/models"   = ["writer", "user:writer@acme.example"]
      } : name => ["acme-quiver", google_project_iam_custom_role.role[given[0]].name, [given[1]]]
    })
    error_message = "Somebody has other roles: ${jsonencode(google_storage_bucket_iam_binding.role)}"
  }

  assert {
    condition = alltrue(flatten([for prefix in ["research", "shared/models"] : [for role in ["reader", "writer", "janitor"] :
      [for condition in google_storage_bucket_iam_binding.role["research/${role}/${role}/${prefix}"].condition : condition.expression] == [
        "resource.type == \"storage.googleapis.com/Bucket\" || resource.name.startsWith(\"projects/_/buckets/acme-quiver/objects/${prefix}/\")"
      ]
    ]]))
    error_message = "A role is held to something else than its prefix and listing: ${jsonencode(google_storage_bucket_iam_binding.role)}"
  }

  assert {
    condition = alltrue([for prefix in ["research", "shared/models"] :
      [for condition in google_storage_bucket_iam_binding.role["research/writer/replacer/${prefix}"].condition : condition.expression] == [join(" || ", [
        "resource.name.startsWith(\"projects/_/buckets/acme-quiver/objects/${prefix}/calls/\")",
        "resource.name.startsWith(\"projects/_/buckets/acme-quiver/objects/${prefix}/index/\")",
        "resource.name.startsWith(\"projects/_/buckets/acme-quiver/objects/${prefix}/leases/\")",
        "resource.name.startsWith(\"projects/_/buckets/acme-quiver/objects/${prefix}/quiver-doctor/\")",
      ])]
    ])
    error_message = "Writers may delete something else: ${jsonencode(google_storage_bucket_iam_binding.role)}"
  }

  assert {
    condition = alltrue([for binding in google_storage_bucket_iam_binding.role :
      length(regexall("\\|\\||&&|!", binding.condition[0].expression)) <= 12 && can(regex("^quiver research( replaced)?$", binding.condition[0].title))
    ])
    error_message = "IAM takes 12 logical operators, and a title: ${jsonencode(google_storage_bucket_iam_binding.role)}"
  }

  assert {
    condition     = sort([for role in google_project_iam_custom_role.role : role.role_id]) == tolist(["memo_janitor", "memo_reader", "memo_replacer", "memo_writer"])
    error_message = "The custom roles have other ids."
  }

  assert {
    condition = output.quiver_store == null && jsonencode(output.quiver_stores) == jsonencode({
      research = { research = "gs://acme-quiver/research", "shared/models" = "gs://acme-quiver/shared/models" }
      sales    = { sales = "gs://acme-quiver/sales" }
    })
    error_message = "The outputs name other stores: ${jsonencode([output.quiver_store, output.quiver_stores])}"
  }

  # Who attaches the roles himself gives what the module does.
  assert {
    condition = jsonencode([
      for grants in [output.reader.research, output.writer.research, output.janitor.research] : [for grant in grants : [grant.prefix, grant.role, grant.condition]]
      ]) == jsonencode([
      for parts in [["reader"], ["writer", "replacer"], ["janitor"]] : [
        for given in setproduct(["research", "shared/models"], parts) : [
          given[0], google_project_iam_custom_role.role[given[1]].name,
          one([
            for condition in google_storage_bucket_iam_binding.role["research/${parts[0]}/${given[1]}/${given[0]}"].condition : { title = condition.title, expression = condition.expression }
          ])
        ]
      ]
    ])
    error_message = "The outputs say other rights than the module gives: ${jsonencode([output.reader, output.writer, output.janitor])}"
  }

  assert {
    condition = jsonencode([for grants in [output.reader.sales, output.writer.sales, output.janitor.sales] : [for grant in grants : [grant.prefix, grant.role]]]) == jsonencode([
      for parts in [["reader"], ["writer", "replacer"], ["janitor"]] : [for part in parts : ["sales", google_project_iam_custom_role.role[part].name]]
    ])
    error_message = "The roles of a domain without members are others: ${jsonencode([output.reader.sales, output.writer.sales, output.janitor.sales])}"
  }
}

run "the_whole_of_a_bucket_with_a_long_name" {
  command = apply

  variables {
    bucket = "a-bucket-whose-name-is-as-long-as-google-lets-it-be-at-63-chars"
  }

  assert {
    condition = alltrue([for name, role in google_project_iam_custom_role.role :
      startswith(role.role_id, "quiver_a_bucket_whose_name_is_as_long_as_google_lets_i") && endswith(role.role_id, "_${name}") && length(role.role_id) <= 64
    ])
    error_message = "Google takes no such ids: ${jsonencode([for role in google_project_iam_custom_role.role : role.role_id])}"
  }

  assert {
    condition = (
      [for grants in [output.reader.main, output.writer.main, output.janitor.main] : [for grant in grants : grant.condition == null]] == [[true], [true, false], [true]]
    )
    error_message = "A right on the whole bucket has a condition, or the writer's deletes have none."
  }
}
