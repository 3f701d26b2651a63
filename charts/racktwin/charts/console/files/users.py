"""The console's users file with the one user `admin`, from the generated password."""

import json
import os
from pathlib import Path

from console.users import hash_password

admin = {"name": "admin", "role": "engineer", "sites": ["*"], "password": hash_password(os.environ["CONSOLE_PASSWORD"])}
Path("/etc/racktwin/users/users.json").write_text(json.dumps([admin]), encoding="utf-8")
