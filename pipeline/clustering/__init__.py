"""Reports in; clusters, claims, levels and referrals out."""
