"""Names of things in the agent's code, `module[:attribute]`, and how they are found."""

import difflib
import importlib
import os
import sys

from .failure import Failure, agent_traceback, hint, last_agent_line, said


class Target:
    """One name of the manifest, taken apart and resolved.

    `key` is the manifest's key, for messages; `module` and `attribute` what it names.
    """

    def __init__(self, key, text, module, attribute, value):
        self.key = key
        self.text = text
        self.module = module
        self.attribute = attribute
        self.value = value

    @property
    def name(self):
        """`module:attribute`, as errors and logs write it."""
        return "%s:%s" % (self.module, self.attribute)


class Package:
    """The agent's package as a source of modules; imports each once."""

    def __init__(self, root, entrypoint, on_import):
        self.root = root
        self._entrypoint = entrypoint
        self._on_import = on_import
        self._targets = {}

    def find(self, key, text, defaults):
        """Resolves one name of the manifest; `defaults` are the attributes tried when it has none.

        Raises `Failure` when the module or the attribute is missing or the import fails.
        """
        module, attributes = self._taken_apart(key, text, defaults)
        loaded = self._import(key, text, module)
        for attribute in attributes:
            found, value = _attribute(loaded, attribute)
            if found:
                # The same object under two keys must be one Target: it is called once.
                known = self._targets.get((module, attribute))
                if known is None:
                    known = Target(key, text, module, attribute, value)
                    self._targets[(module, attribute)] = known
                return known
        raise self._no_attribute(key, module, attributes, loaded)

    def _taken_apart(self, key, text, defaults):
        text = text.strip()
        module, colon, attribute = text.partition(":")
        module, attribute = module.strip(), attribute.strip()
        if not module or (colon and not attribute) or ":" in attribute or not _dotted(module):
            raise Failure(
                "%s in agent.yaml is %r, which is not of the form module:function." % (key, text),
                hint("Write the module with dots, then a colon and the function.", "target-form"),
            )
        if colon:
            return module, [attribute]
        if "." in module or self._folder_of(module) is not None or not self._entrypoint:
            return module, list(defaults)
        # A bare name that is no module of the package: a function of the entrypoint's module.
        home = self._entrypoint.partition(":")[0].strip()
        if not home or home == module:
            return module, list(defaults)
        return home, [module]

    def _folder_of(self, module):
        """Where the package holds a module's topmost part: "", "src", "dist" or None."""
        top = module.partition(".")[0]
        for folder in ("", "src", "dist"):
            path = os.path.join(self.root, folder, top)
            if os.path.isfile(path + ".py") or os.path.isdir(path):
                return folder
        return None

    def _import(self, key, text, module):
        folder = self._folder_of(module)
        if folder:
            path = os.path.join(self.root, folder)
            if path not in sys.path:
                sys.path.insert(1, path)
        if module not in sys.modules:
            self._on_import(module)
        try:
            loaded = importlib.import_module(module)
        except SystemExit as error:
            raise Failure(
                "The module %s ended the program (exit status %s) while it was imported."
                % (module, 0 if error.code is None else error.code),
                hint(
                    'Put code that starts a server or exits under `if __name__ == "__main__":`.',
                    "exit-at-import",
                ),
                agent_traceback(error, self.root),
            )
        except ModuleNotFoundError as error:
            raise self._not_found(key, text, module, error)
        except SyntaxError as error:
            raise self._bad_syntax(module, error)
        except BaseException as error:
            place = last_agent_line(error, self.root)
            raise Failure(
                "The module %s could not be imported: %s%s."
                % (module, said(error), " (%s)" % place if place else ""),
                hint(
                    'The traceback shows the line; the same happens with `python -c "import %s"`.'
                    % module,
                    "import-failed",
                ),
                agent_traceback(error, self.root),
            )
        self._check_origin(module, folder, loaded)
        return loaded

    def _not_found(self, key, text, module, error):
        missing = error.name or ""
        detail = agent_traceback(error, self.root)
        if missing and (module == missing or module.startswith(missing + ".")):
            self._check_hidden(module)
            near = self._near_modules(module)
            return Failure(
                "%s in agent.yaml names the module %s, which is not in the package%s."
                % (key, module, "; there is " + ", ".join(near) if near else ""),
                hint(
                    "Check the spelling, and that the build put the file into the package.",
                    "module-missing",
                ),
                None,
            )
        if not missing:
            return Failure(
                "The module %s could not be imported: %s." % (module, said(error)),
                hint("The traceback shows the line that asks for it.", "import-failed"),
                detail,
            )
        place = last_agent_line(error, self.root)
        return Failure(
            "The module %s needs %s, which is not installed%s."
            % (module, missing, " (%s)" % place if place else ""),
            hint("Add the project that has it to requirements.txt.", "dependency-missing"),
            detail,
        )

    def _bad_syntax(self, module, error):
        path = error.filename or ""
        if path.startswith(os.path.join(self.root, "")):
            path = os.path.relpath(path, self.root)
        return Failure(
            "%s line %s is not valid Python %d.%d: %s."
            % (path or module, error.lineno, sys.version_info[0], sys.version_info[1], error.msg),
            hint(
                "Correct the line, or ask for the Python it is written for with `runtime` in agent.yaml.",
                "syntax-error",
            ),
            agent_traceback(error, self.root),
        )

    def _check_origin(self, module, folder, loaded):
        """Refuses a module that another of the same name hides, Python's own `http` for example."""
        origin = getattr(loaded, "__file__", None)
        if folder is not None and origin and not self._holds(origin):
            raise _hidden(module, origin)

    def _check_hidden(self, module):
        """Refuses a folder of the package without `__init__.py` when an installed package has its name."""
        top = module.partition(".")[0]
        origin = getattr(sys.modules.get(top), "__file__", None)
        if self._folder_of(module) is not None and origin and not self._holds(origin):
            raise _hidden(top, origin)

    def _holds(self, path):
        return os.path.abspath(path).startswith(os.path.join(self.root, ""))

    def _no_attribute(self, key, module, attributes, loaded):
        wanted = " or ".join(attributes)
        own = [
            name
            for name, value in vars(loaded).items()
            if not name.startswith("_")
            and callable(value)
            and getattr(value, "__module__", module) == module
        ]
        near = difflib.get_close_matches(attributes[0], own, n=3, cutoff=0.5) or sorted(own)[:5]
        return Failure(
            "%s in agent.yaml asks for %s, but the module %s has no such name%s."
            % (key, wanted, module, "; it has " + ", ".join(near) if near else ""),
            hint(
                "Define the function, or name another as %s:function." % module, "function-missing"
            ),
        )

    def _near_modules(self, module):
        known = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = [
                name
                for name in folders
                if not name.startswith((".", "__")) and name not in ("node_modules", "dist")
            ]
            prefix = os.path.relpath(folder, self.root).replace(os.sep, ".")
            prefix = "" if prefix == "." else prefix + "."
            if prefix.count(".") > 6 or len(known) > 500:
                break
            known += [
                prefix + name[:-3]
                for name in files
                if name.endswith(".py") and name != "__init__.py"
            ]
        last = module.rpartition(".")[2]
        near = difflib.get_close_matches(module, known, n=3, cutoff=0.6)
        near += [name for name in known if name.rpartition(".")[2] == last and name not in near]
        return near[:3]


def _hidden(module, origin):
    return Failure(
        "The package's module %s is hidden by another of that name, %s." % (module, origin),
        hint("Give the module another name, or its folder an __init__.py.", "module-hidden"),
    )


def _dotted(text):
    return all(part.isidentifier() for part in text.split("."))


def _attribute(module, path):
    value = module
    for part in path.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            return False, None
    return True, value
