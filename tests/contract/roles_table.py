"""Who may do what, as spec/first-release.md says it: the table that a product person reads and changes.

Roles: O owner and admin · C ceo · D director · M sales_manager · S sales · P ops · F finance · V viewer · K cashier.
"""

from identity.domain.roles import Role

EVERYBODY = "O C D M S P F V K"
LETTERS: dict[str, tuple[Role, ...]] = {
    "O": (Role.OWNER, Role.ADMIN),
    "C": (Role.CEO,),
    "D": (Role.DIRECTOR,),
    "M": (Role.SALES_MANAGER,),
    "S": (Role.SALES,),
    "P": (Role.OPS,),
    "F": (Role.FINANCE,),
    "V": (Role.VIEWER,),
    "K": (Role.CASHIER,),
}

# fmt: off
PUBLIC = (
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/logout",
    "GET /.well-known/jwks.json",
)

TABLE: dict[str, str] = {
    # identity
    "GET /auth/me":                            EVERYBODY,
    "POST /auth/switch-org":                   EVERYBODY,
    "GET /permissions":                        EVERYBODY,
    "GET /users":                              "O C D",
    "GET /users/{id}":                         "O C D",
    "GET /org/members":                        "O C D",
    "GET /directory/users":                    "O C D M P",
    "POST /users":                             "O C",
    "PATCH /users/{id}":                       "O C",
    "POST /users/{id}/deactivate":             "O C",
    "POST /users/{id}/reactivate":             "O C",
    "GET /settings/policies":                  "O C",
    "PUT /settings/policies":                  "O C",
    "GET /settings/modules":                   "O C",
    "PATCH /settings/modules/{id}":          "O C",
    "DELETE /settings/modules/{id}":         "O C",
    "PATCH /settings/features/{id}":         "O C",
    "DELETE /settings/features/{id}":        "O C",
    "GET /org":                                "O C",
    "PATCH /org":                              "O C",
    "PUT /org/legal":                          "O C",
    "POST /orgs":                              "O C D M S P F V",
    # sales
    "GET /companies":                          "O C D M S F V",
    "GET /companies/{id}":                     "O C D M S F V",
    "GET /companies/{id}/activity":            "O C D M S F V",
    "POST /companies":                         "O D M S",
    "PATCH /companies/{id}":                   "O D M S",
    "POST /companies/{id}/archive":            "O D M S",
    "POST /companies/{id}/restore":            "O D M S",
    "GET /companies/{id}/contacts":            "O C D M S V",
    "GET /contacts":                           "O C D M S V",
    "GET /contacts/{id}":                      "O C D M S V",
    "GET /contacts/{id}/activity":             "O C D M S V",
    "POST /contacts":                          "O D M S",
    "PATCH /contacts/{id}":                    "O D M S",
    "POST /contacts/{id}/archive":             "O D M S",
    "POST /contacts/{id}/restore":             "O D M S",
    "GET /leads":                              "O C D M S V",
    "GET /leads/{id}":                         "O C D M S V",
    "GET /leads/{id}/activity":                "O C D M S V",
    "POST /leads":                             "O D M S",
    "PATCH /leads/{id}":                       "O D M S",
    "POST /leads/{id}/convert-to-deal":        "O D M S",
    "POST /leads/{id}/qualify":                "O D M S",
    "POST /leads/{id}/disqualify":             "O D M S",
    "POST /leads/{id}/reopen":                 "O D M S",
    "GET /deals":                              "O C D M S F V",
    "GET /deals/{id}":                         "O C D M S F V",
    "GET /deals/{id}/activity":                "O C D M S F V",
    "GET /deals/{id}/timeline":                "O C D M S P F V",
    "POST /deals":                             "O D M S",
    "PATCH /deals/{id}":                       "O D M S",
    "POST /deals/{id}/mark-won":               "O D M S",
    "POST /deals/{id}/mark-lost":              "O D M S",
    "POST /deals/{id}/reopen":                 "O D M S",
    # work
    "GET /work-items":                         "O C D M S P V",
    "GET /work-items/{id}":                    "O C D M S P V",
    "GET /work-items/{id}/activity":           "O C D M S P V",
    "POST /work-items":                        "O D P",
    "PATCH /work-items/{id}":                  "O D P",
    "POST /work-items/{id}/transition":        "O D P",
    "POST /work-items/{id}/complete":          "O D P",
    "POST /work-items/{id}/reopen":            "O D P",
    # billing
    "GET /invoices":                           "O C D M S F",
    "GET /invoices/{id}":                      "O C D M S F",
    "GET /invoices/{id}/activity":             "O C D M S F",
    "GET /invoices/{id}/payments":             "O C D M S F",
    "GET /invoices/{id}.pdf":                  "O C D M S F",
    "POST /invoices":                          "O F",
    "PATCH /invoices/{id}":                    "O F",
    "POST /invoices/{id}/send":                "O F",
    "POST /invoices/{id}/mark-paid":           "O F",
    "POST /invoices/{id}/unlock":              "O F",
    "POST /invoices/{id}/void":                "O F",
    "POST /invoices/{id}/payments":            "O F",
    # notifications, everybody their own
    "GET /notifications":                      EVERYBODY,
    "GET /notifications/unread-count":         EVERYBODY,
    "GET /feed":                               EVERYBODY,
    "POST /notifications/{id}/read":           EVERYBODY,
    "POST /notifications/read-all":            EVERYBODY,
    # reporting
    "GET /ceo/health-score":                   "O C D",
    "GET /ceo/health-score/explain":           "O C D",
    "GET /ceo/health-score/history":           "O C D",
    "GET /dashboard/ceo":                      "O C D",
    "GET /hygiene/inbox":                      "O C D P",
    "POST /jobs/compute-health-score":         "O",
    "GET /jobs":                               "O",
    "POST /jobs/run":                          "O",
    "GET /jobs/runs":                          "O",
    "GET /jobs/runs/{id}":                     "O",
    "GET /audit":                              "O C D",
    "GET /audit/verify":                       "O C D",
    "GET /audit/export.csv":                   "O C D",
}
# fmt: on


def roles_of(letters: str) -> frozenset[Role]:
    """The roles behind letters of the table."""
    return frozenset(role for letter in letters.split() for role in LETTERS[letter])
