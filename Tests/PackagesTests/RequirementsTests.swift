import Testing

@testable import AgentPackages

@Suite("Requirements")
struct RequirementsTests {
  func read(_ files: [String: String]) throws -> (Requirements, String) {
    let package = try PackageFolder(files)
    return (try Requirements(packageRoot: package.path), package.path)
  }

  @Test("requirements.txt and pyproject.toml together, includes resolved, the project left out")
  func flat() throws {
    let (found, root) = try read([
      "requirements.txt": """
      # comment
      Flask>=2 # more
      -r more/inner.txt
      -c limits.txt
      -e .
      .
      --extra-index-url https://index.example/simple
      -f wheels
      long==1 \\
        --hash=sha256:aa
      name @ https://example.org/x.whl
      ./wheels/y-1-py3-none-any.whl ; python_version > "3"

      """,
      "more/inner.txt": "--require-hashes\ninner\n-r ../requirements.txt\n../z.whl\n",
      "limits.txt": "inner<2\n",
      "pyproject.toml":
        "[project]\nname='x'\ndependencies = [\n 'Jinja2>=3', # c\n \"a; os_name=='x'\",\n]\n",
    ])
    #expect(
      found.lines == [
        "Flask>=2", "inner", "\(root)/z.whl", "long==1 --hash=sha256:aa",
        "name @ https://example.org/x.whl",
        "\(root)/wheels/y-1-py3-none-any.whl ; python_version > \"3\"", "Jinja2>=3",
        "a; os_name=='x'",
      ])
    #expect(found.constraints == ["inner<2"])
    #expect(
      found.options == [
        "--extra-index-url https://index.example/simple", "--find-links \(root)/wheels",
      ])
    #expect(found.hasHashes)
  }

  @Test(
    "nothing to install",
    arguments: [
      [:], ["requirements.txt": "# nothing\n\n"], ["pyproject.toml": "[project]\nname = 'x'\n"],
      [
        "setup.py":
          "\"\"\"\nAuto-generated setup.py for agents\n\"\"\"\nsetup(install_requires=['x'])"
      ],
      ["setup.py": "from setuptools import setup\nsetup(name='x')\n"],
      ["requirements.txt": "", "setup.py": "setup(install_requires=['x'])"],
    ])
  func empty(files: [String: String]) throws {
    #expect(try read(files).0.isEmpty)
  }

  @Test("a hand-written setup.py counts only when nothing else names requirements")
  func setup() throws {
    let script = "from setuptools import setup\nsetup(install_requires=['x'])\n"
    #expect(try read(["setup.py": script]).0.setupScript == Array(script.utf8))
    let both = ["setup.py": script, "pyproject.toml": "[project]\ndependencies=['y']\n"]
    #expect(try read(both).0.setupScript == nil)
    #expect(
      EnvironmentInstaller.requirements(
        ofEggInfo: "a>=1\n\n[:python_version < \"3.9\"]\nb\n\n[dev]\nc\n")
        == ["a>=1", "b ; python_version < \"3.9\""])
  }

  static let refusals: [([String: String], String)] = [
    (
      ["requirements.txt": "-r absent.txt"],
      "absent.txt, which the requirements include, is no file"
    ),
    (["requirements.txt": "-r ../x.txt"], "includes '../x.txt', which is no file of the package"),
    (["requirements.txt": "-r https://x/y"], "includes 'https://x/y'"),
    (["requirements.txt": "../x.whl"], "is a path that leaves the package"),
    (["requirements.txt": "/etc/x.whl"], "is a path that leaves the package"),
    (["requirements.txt": "--find-links ../x"], "leaves the package"),
    (["requirements.txt": "--target /etc"], "has the option '--target', which is not supported"),
    (["requirements.txt": String(repeating: "a", count: 1 << 20 | 1)], "cannot be read"),
    (["requirements.txt": "a\u{0}b"], "is not valid UTF-8 text"),
    (
      ["pyproject.toml": "[project]\ndependencies = 'x'\n"],
      "line 2: [project].dependencies is no array"
    ),
    (["pyproject.toml": "[project]\ndependencies = [1]\n"], "holds something that is no string"),
    (["pyproject.toml": "project = {dependencies = []}\n"], "project is an inline table"),
    (["pyproject.toml": "[project\n"], "']' is missing"),
    (["pyproject.toml": "[project]\nx = \"open\n"], "line 2: a string is not closed"),
    (["pyproject.toml": "x = " + String(repeating: "[", count: 70)], "nested too deeply"),
  ]

  @Test("says what cannot be used", arguments: refusals)
  func refuses(files: [String: String], sentence: String) throws {
    let error = #expect(throws: StepFailure.self) { try read(files) }
    #expect(error?.error.contains(sentence) == true, "\(error?.error ?? "")")
    #expect(error?.hint?.contains("#requirements") == true)
  }

  @Test("includes are bounded in depth and number")
  func includes() throws {
    var deep: [String: String] = ["requirements.txt": "-r r1.txt"]
    for level in 1...9 { deep["r\(level).txt"] = "-r r\(level + 1).txt" }
    deep["r10.txt"] = "x"
    #expect(throws: StepFailure.self) { try read(deep) }
    deep["r8.txt"] = "x"
    #expect(try read(deep).0.lines == ["x"])
    var wide: [String: String] = [:]
    for file in 1...64 { wide["w\(file).txt"] = "x\(file)" }
    wide["requirements.txt"] = (1...64).map { "-r w\($0).txt" }.joined(separator: "\n")
    #expect(throws: StepFailure.self) { try read(wide) }
    wide["requirements.txt"] = (1...63).map { "-r w\($0).txt" }.joined(separator: "\n")
    #expect(try read(wide).0.lines.count == 63)
  }

  @Test("the small TOML reader skips what it need not know")
  func toml() throws {
    let text = """
      # a comment
      title = "x [project] dependencies = []"
      [build-system]
      requires = ["setuptools>=61", {a = 1, "b" = [1.5, 1979-05-27T07:32:00Z]}]
      multi = \"\"\"
      [project]
      dependencies = ["wrong"]
      \"\"\"
      literal = '''x = ["'''
      [[tool.x]]
      dependencies = ["wrong"]
      [project] # here
      "dependencies" = ['''a''', "b\\u002B",]
      dynamic = ["version"]
      [project.optional-dependencies]
      dev = ["wrong"]
      """
    let file = try PyprojectFile(Array(text.utf8))
    #expect(file.dependencies == ["a", "b+"])
    #expect(!file.areDynamic)
    #expect(try PyprojectFile(Array("project.dependencies = ['z']".utf8)).dependencies == ["z"])
  }

  @Test(
    "names are compared as the index compares them",
    arguments: [
      ("Foo_Bar.baz  >= 1", "foo-bar-baz>= 1"), ("a--b", "a-b"), ("X[e]==1", "x[e]==1"),
    ])
  func normalises(line: String, normal: String) {
    #expect(Requirements.normalise(line) == normal)
  }
}
